//! What the tables of the documents consist of.

use std::ops::Range;

use crate::stage::Stage;

/// A document, and what is known of each of its code blocks.
pub(crate) struct Document {
    /// Its name in `tests/seeds/`.
    pub(crate) file: &'static str,
    pub(crate) blocks: &'static [Entry],
}

/// Which block: the heading that it stands under, and its number below that, from 1.
pub(crate) type Place = (&'static str, usize);

/// What a block does.
pub(crate) struct Entry {
    pub(crate) block: Place,
    pub(crate) language: &'static str,
    /// Where its comments contradict its statements, or it lacks what it needs: what the rules decide.
    pub(crate) contradiction: Option<&'static str>,
    pub(crate) cases: &'static [Case],
}

/// A block that contradicts nothing.
pub(crate) const ENTRY: Entry = Entry {
    block: ("", 0),
    language: "ts",
    contradiction: None,
    cases: &[],
};

/// A situation in which a block runs, completed with what it lacks, and what must come of it.
pub(crate) struct Case {
    pub(crate) situation: &'static str,
    /// What it lacks.
    pub(crate) before: &'static [&'static str],
    /// Blocks of the document that it goes on from. They run as they stand, behind `before`.
    pub(crate) continues: &'static [Place],
    /// What looks at the outcome.
    pub(crate) after: &'static str,
    /// All of standard output, where `<id>` is what stands for a random id.
    pub(crate) prints: &'static str,
    /// The error that the run ends with, as standard error shows it. Nothing may be there otherwise.
    pub(crate) fails: Option<&'static str>,
    /// The line of the rule that standard error points at: for the error of a task, where it is awaited, which is the
    /// last place that is called in that statement.
    pub(crate) points_at: Option<&'static str>,
    /// How long the process takes, in seconds.
    pub(crate) seconds: Range<u64>,
    /// Where it takes more than one process: all of it.
    pub(crate) play: Option<fn(&Stage<'_>)>,
}

/// A case that succeeds at once, in silence. The longest time is for machines that are busy with other things.
pub(crate) const CASE: Case = Case {
    situation: "",
    before: &[],
    continues: &[],
    after: "",
    prints: "",
    fails: None,
    points_at: None,
    seconds: 0..30,
    play: None,
};
