//! Texts in characters as people see them, in words and in sentences.

use unicode_segmentation::UnicodeSegmentation;

use crate::error::Error;

/// What a text is divided into.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Granularity {
    /// Characters as people see them.
    #[default]
    Grapheme,
    /// Words, and what is between them.
    Word,
    /// Sentences.
    Sentence,
}

/// A piece of a text.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The piece.
    pub text: &'a str,
    /// Whether it is a word; of characters and sentences, none is.
    pub is_word: bool,
}

/// Divides a text.
///
/// # Errors
///
/// [`Error::NoDictionary`]: words were asked for, and the text is in a script that writes them without spaces.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
pub fn segments(
    text: &str,
    granularity: Granularity,
) -> Result<impl Iterator<Item = Segment<'_>>, Error> {
    if granularity == Granularity::Word
        && let Some(found) = text.chars().find(|c| has_no_spaces(*c))
    {
        return Err(Error::NoDictionary(found));
    }
    let pieces: Box<dyn Iterator<Item = &str>> = match granularity {
        Granularity::Grapheme => Box::new(text.graphemes(true)),
        Granularity::Word => Box::new(text.split_word_bounds()),
        Granularity::Sentence => Box::new(text.split_sentence_bounds()),
    };
    Ok(pieces.map(move |text| Segment {
        text,
        is_word: granularity == Granularity::Word && text.chars().any(char::is_alphanumeric),
    }))
}

/// Whether words are written without spaces between them in the script of a character, so that it takes a dictionary to find them.
fn has_no_spaces(character: char) -> bool {
    matches!(
        character,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}'
    )
}
