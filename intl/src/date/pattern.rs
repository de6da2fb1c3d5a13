//! Patterns of dates: letters stand for fields, the number of letters for how they are written.

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Text(String),
    Field(char, usize),
}

/// Reads a pattern.
pub(super) fn parse(pattern: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let text = |items: &mut Vec<Item>, character: char| match items.last_mut() {
        Some(Item::Text(text)) => text.push(character),
        _ => items.push(Item::Text(character.to_string())),
    };
    let mut is_quoted = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\'' {
            if characters.peek() == Some(&'\'') {
                characters.next();
                text(&mut items, '\'');
            } else {
                is_quoted = !is_quoted;
            }
        } else if is_quoted || !character.is_ascii_alphabetic() {
            text(&mut items, character);
        } else {
            let mut count = 1;
            while characters.peek() == Some(&character) {
                characters.next();
                count += 1;
            }
            items.push(Item::Field(character, count));
        }
    }
    items
}

/// Writes a pattern.
pub(super) fn write(items: &[Item]) -> String {
    let mut pattern = String::new();
    for item in items {
        match item {
            Item::Field(letter, count) => pattern.extend(std::iter::repeat_n(*letter, *count)),
            Item::Text(text) if text.chars().any(|c| c.is_ascii_alphabetic() || c == '\'') => {
                pattern.push('\'');
                pattern.push_str(&text.replace('\'', "''"));
                pattern.push('\'');
            }
            Item::Text(text) => pattern.push_str(text),
        }
    }
    pattern
}

/// The fields of a pattern, each with how it is written, in the words of ECMA-402.
pub(super) fn resolved(items: &[Item]) -> Vec<(&'static str, &'static str)> {
    let number = |count: usize| if count == 2 { "2-digit" } else { "numeric" };
    let name = |count: usize| match count {
        5 => "narrow",
        4 => "long",
        _ => "short",
    };
    let fields = items.iter().filter_map(|item| {
        let Item::Field(letter, count) = item else {
            return None;
        };
        let count = *count;
        Some(match letter {
            'E' | 'c' | 'e' => ("weekday", name(count)),
            'G' => ("era", name(count)),
            'y' | 'u' => ("year", number(count)),
            'M' | 'L' if count <= 2 => ("month", number(count)),
            'M' | 'L' => ("month", name(count)),
            'd' => ("day", number(count)),
            'B' => ("dayPeriod", name(count)),
            'h' | 'H' | 'k' | 'K' => ("hour", number(count)),
            'm' => ("minute", number(count)),
            's' => ("second", number(count)),
            'S' => (
                "fractionalSecondDigits",
                ["1", "2", "3"][count.clamp(1, 3) - 1],
            ),
            'z' => ("timeZoneName", if count == 4 { "long" } else { "short" }),
            'O' => (
                "timeZoneName",
                if count == 4 {
                    "longOffset"
                } else {
                    "shortOffset"
                },
            ),
            'v' => (
                "timeZoneName",
                if count == 4 {
                    "longGeneric"
                } else {
                    "shortGeneric"
                },
            ),
            _ => return None,
        })
    });
    fields.collect()
}
