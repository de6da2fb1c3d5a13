//! Secrets in a text that comes in pieces.

use super::Secrets;

/// No secret that goes on and on keeps more than this from being shown, in bytes.
const MOST_HELD: usize = 1024 * 1024;

/// What a run has written to a stream and that may be the beginning of a secret. It is held back until more is known.
#[derive(Default)]
pub(crate) struct MaskedStream {
    held: String,
}

impl MaskedStream {
    /// Takes the next piece. Gives what can be shown.
    ///
    /// No secret goes over the end of a line, so that nothing is held back of a whole line.
    pub(crate) fn push(&mut self, secrets: &Secrets, piece: &str) -> String {
        self.held.push_str(piece);
        let text = std::mem::take(&mut self.held);
        if text.ends_with('\n') {
            return secrets.mask(&text).into_owned();
        }
        let mut keep = text.len() - secrets.may_begin(&text);
        // A secret that is complete may be the beginning of a longer one.
        if let Some(last) = secrets.find(&text).pop()
            && last.end > keep
        {
            keep = last.start;
        }
        if text.len() - keep > MOST_HELD {
            keep = text.len();
        }
        self.held.push_str(&text[keep..]);
        secrets.mask(&text[..keep]).into_owned()
    }

    /// What was held back, when nothing more comes.
    pub(crate) fn finish(&mut self, secrets: &Secrets) -> Option<String> {
        let text = std::mem::take(&mut self.held);
        (!text.is_empty()).then(|| secrets.mask(&text).into_owned())
    }
}
