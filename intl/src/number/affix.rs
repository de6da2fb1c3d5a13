//! What stands before and after a number, by the patterns of a locale.

/// A piece of what stands beside a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Text(String),
    Minus,
    Plus,
    Percent,
    Currency,
}

/// What stands before and after it.
pub(super) type Affixes = (Vec<Token>, Vec<Token>);

/// A pattern such as `#,##0.00 ¤`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) positive: Affixes,
    pub(super) negative: Option<Affixes>,
    /// How many digits are in the last group, and in those before it; 0 for no groups.
    pub(super) groups: (usize, usize),
    /// How many zeros it has before the point.
    pub(super) zeros: usize,
}

impl Pattern {
    /// Reads a pattern.
    pub(super) fn parse(pattern: &str) -> Self {
        let (positive, negative) = halves(pattern);
        let (positive, body) = affixes(positive);
        let whole = body.split('.').next().unwrap_or_default();
        let mut groups = whole.rsplit(',').map(str::len);
        let last = groups.next().unwrap_or_default();
        let groups = match groups.next() {
            None => (0, 0),
            Some(before) if whole.matches(',').count() > 1 => (last, before),
            Some(_) => (last, last),
        };
        Self {
            positive,
            negative: negative.map(|negative| affixes(negative).0),
            groups,
            zeros: whole.matches('0').count(),
        }
    }

    /// What stands beside a number with this sign.
    pub(super) fn affixes(&self, sign: Option<Token>) -> Affixes {
        let with_sign = || {
            let mut signed = self.positive.clone();
            signed.0.insert(0, Token::Minus);
            signed
        };
        match sign {
            None => self.positive.clone(),
            Some(Token::Minus) => self.negative.clone().unwrap_or_else(with_sign),
            Some(sign) => {
                let has_sign = |affixes: &&Affixes| {
                    let (before, after) = affixes;
                    before.contains(&Token::Minus) || after.contains(&Token::Minus)
                };
                let fit = self.negative.as_ref().filter(has_sign).cloned();
                let (mut before, mut after) = fit.unwrap_or_else(with_sign);
                for token in before.iter_mut().chain(&mut after) {
                    if *token == Token::Minus {
                        *token = sign.clone();
                    }
                }
                (before, after)
            }
        }
    }
}

/// The parts of a pattern for positive and for negative numbers.
fn halves(pattern: &str) -> (&str, Option<&str>) {
    let mut is_quoted = false;
    for (at, character) in pattern.char_indices() {
        match character {
            '\'' => is_quoted = !is_quoted,
            ';' if !is_quoted => return (&pattern[..at], Some(&pattern[at + 1..])),
            _ => {}
        }
    }
    (pattern, None)
}

/// What stands beside the number, and what stands for the number itself.
fn affixes(pattern: &str) -> (Affixes, String) {
    let mut before = Vec::new();
    let mut after = Vec::new();
    let mut body = String::new();
    let mut is_quoted = false;
    for character in pattern.chars() {
        if character == '\'' {
            is_quoted = !is_quoted;
            continue;
        }
        if !is_quoted && matches!(character, '#' | '0' | ',' | '.') && after.is_empty() {
            body.push(character);
            continue;
        }
        let side = if body.is_empty() {
            &mut before
        } else {
            &mut after
        };
        let token = match character {
            _ if is_quoted => None,
            '-' => Some(Token::Minus),
            '+' => Some(Token::Plus),
            '%' => Some(Token::Percent),
            '¤' => Some(Token::Currency),
            _ => None,
        };
        match (token, side.last_mut()) {
            (Some(token), _) => side.push(token),
            (None, Some(Token::Text(text))) => text.push(character),
            (None, _) => side.push(Token::Text(character.to_string())),
        }
    }
    ((before, after), body)
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Token};

    #[test]
    fn a_pattern_tells_groups_and_what_stands_beside_the_number() {
        let pattern = Pattern::parse("#,##,##0.00 ¤;(¤#)");
        assert_eq!(pattern.groups, (3, 2));
        let space = Token::Text(" ".to_owned());
        assert_eq!(pattern.positive, (vec![], vec![space, Token::Currency]));
        let paren = |text: &str| Token::Text(text.to_owned());
        let negative = (vec![paren("("), Token::Currency], vec![paren(")")]);
        assert_eq!(pattern.affixes(Some(Token::Minus)), negative);
        let plus = pattern.affixes(Some(Token::Plus));
        assert_eq!(plus.0, [Token::Plus]);
        let quoted = Pattern::parse("00 Mio'.' ¤");
        assert_eq!(quoted.zeros, 2);
        assert_eq!(quoted.positive.1, [paren(" Mio. "), Token::Currency]);
    }
}
