//! The expressions of a source that may have failed at a place, and the choice of the one that did.
//!
//! QuickJS has one position for several steps: the last one that it noted before the step, such as the start of a call's
//! last argument. What stands there is found by parsing the source ([`Sources::suspects`]). The message of the error, and
//! the function that was called, tell which of the expressions it was.
//!
//! [`Sources::suspects`]: super::Sources::suspects

/// What an expression does when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It calls a function.
    Call,
    /// It makes an object of a class.
    Construct,
    /// It reads a member.
    Read,
    /// It writes a variable or a member.
    Write,
    /// It reads a variable.
    Name,
    /// It throws what it has.
    Throw,
    /// It walks through a value: a loop, a spread, an array pattern.
    Iterate,
    /// It takes a value apart by an object pattern.
    Destructure,
    /// It computes with operands.
    Operate,
    /// It says which class is extended.
    Extend,
    /// It is a regular expression.
    Pattern,
}

/// Where the first name of a path comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The module, as it is written.
    pub module: String,
    /// The export of the module; `None` for all of it.
    pub export: Option<String>,
}

/// The text that an error is made with, as far as it is written in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenText {
    /// It begins with this.
    pub start: String,
    /// It ends with this.
    pub end: String,
    /// There is nothing in between.
    pub is_whole: bool,
}

impl WrittenText {
    /// Whether a message may be made of it.
    pub(crate) fn fits(&self, message: &str) -> bool {
        match self.is_whole {
            true => message == self.start,
            false => {
                message.len() >= self.start.len() + self.end.len()
                    && message.starts_with(&self.start)
                    && message.ends_with(&self.end)
            }
        }
    }
}

/// An expression that may have failed at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// What it does.
    pub step: Step,
    /// What to mark, in bytes of what was compiled.
    pub range: (usize, usize),
    /// Where the last name of the range starts.
    pub tail: usize,
    /// The engine's position is exactly that of this step. Otherwise it is one of the same function, further on.
    pub exact: bool,
    /// The last name of what is called, made, read or written.
    pub name: Option<String>,
    /// The text of what is called or made; of the object whose member is read or written.
    pub text: String,
    /// The names that lead to what is called or read: `a.b.c`. Empty if it is not as plain as that.
    pub path: Vec<String>,
    /// The module from which the first name of the path comes.
    pub origin: Option<Origin>,
    /// The members of the object are written in the file, all of them as far as that can be seen.
    pub knows_members: bool,
    /// The first name of the path is declared in the file.
    pub is_local: bool,
    /// Names that could have been meant: the members of the object, or the variables of the file, as far as they are
    /// written in the file.
    pub others: Vec<String>,
    /// The text given to the error that it makes.
    pub written: Option<WrittenText>,
    /// In how many calls it stands as an argument.
    pub depth: u32,
    /// It stands in a `throw` statement.
    pub thrown: bool,
    /// A function that the file declares: it can be called.
    pub callable: bool,
}

/// What is known of an error besides its position.
pub(super) struct Symptom<'s> {
    /// The class of the error, and those that it extends.
    pub(super) classes: &'s [String],
    pub(super) message: &'s str,
    /// The name of the function that was called there, and had the error; `None` if none was called. Empty if it has no name.
    pub(super) called: Option<&'s str>,
    /// That function is none of the sources'.
    pub(super) called_native: bool,
    /// It is the cause of another error.
    pub(super) is_cause: bool,
}

/// What a message of QuickJS says of the step that failed.
pub(super) struct Said<'m> {
    pub(super) steps: &'static [Step],
    pub(super) name: Option<&'m str>,
}

pub(super) fn said(message: &str) -> Option<Said<'_>> {
    let quoted = |prefix: &str| message.strip_prefix(prefix)?.split('\'').next();
    let says = |steps: &'static [Step], name| Some(Said { steps, name });
    if let Some(name) = message
        .strip_suffix(" is not defined")
        .or_else(|| message.strip_suffix(" is not initialized"))
        // In a rulebook, where names are those of variables.
        .or_else(|| message.strip_suffix(" is not set"))
    {
        return says(&[Step::Name, Step::Write], Some(name));
    }
    if let Some(name) = quoted("cannot read property '") {
        return says(&[Step::Read, Step::Destructure, Step::Iterate], Some(name));
    }
    if let Some(name) = quoted("cannot set property '") {
        return says(&[Step::Write], Some(name));
    }
    if message.ends_with("' is read-only") {
        return says(&[Step::Write], quoted("'"));
    }
    if let Some(name) = message.strip_suffix(" is not a constructor") {
        return says(&[Step::Construct, Step::Extend], Some(name));
    }
    match message {
        "not a function" => says(&[Step::Call, Step::Construct, Step::Iterate], None),
        "not a constructor" => says(&[Step::Construct], None),
        "parent class must be constructor" => says(&[Step::Extend], None),
        "class constructors must be invoked with 'new'" => says(&[Step::Call], None),
        "value is not iterable" => says(&[Step::Iterate], None),
        "cannot convert to object" => says(&[Step::Destructure, Step::Call], None),
        "not an object" => says(&[Step::Iterate, Step::Destructure, Step::Write], None),
        _ if message.starts_with("invalid 'in'") || message.starts_with("invalid 'instanceof'") => {
            says(&[Step::Operate], None)
        }
        _ if message.starts_with("cannot convert ") => {
            says(&[Step::Operate, Step::Call, Step::Construct], None)
        }
        _ => None,
    }
}

/// The one that failed.
pub(super) fn choose<'s>(
    suspects: &'s [Suspect],
    symptom: &Symptom<'_>,
    can_call: impl Fn(&Suspect) -> Option<bool>,
) -> Option<&'s Suspect> {
    let scored = suspects.iter().enumerate().filter_map(|(nth, suspect)| {
        let score = score(suspect, symptom, &can_call)?;
        // Among equals the first: an outer one ends later, so it comes later, unless it is preferred for that.
        Some((score, std::cmp::Reverse(nth), suspect))
    });
    let best = scored.max_by_key(|(score, nth, _)| (*score, *nth));
    best.map(|(.., suspect)| suspect)
}

/// How well it fits; `None` if it cannot have failed so.
fn score(
    suspect: &Suspect,
    symptom: &Symptom<'_>,
    can_call: &impl Fn(&Suspect) -> Option<bool>,
) -> Option<i32> {
    let name = suspect.name.as_deref();
    let exact = if suspect.exact { 40 } else { 0 };
    // Whoever reads a variable of a rulebook calls the function that looks it up.
    let is_lookup = symptom.called == Some("get") && symptom.message.ends_with(" is not set");
    if let Some(called) = symptom.called
        && !is_lookup
    {
        // What calls a function in so many words, or behind the scenes.
        let plain = matches!(suspect.step, Step::Call | Step::Construct);
        if !suspect.exact {
            // The engine's position is right for calls.
            return None;
        }
        let same = !called.is_empty() && name.is_some_and(|name| bare(name) == bare(called));
        return match suspect.step {
            Step::Call | Step::Construct => {
                let text = written(suspect, symptom)?;
                Some(100 + if same { 50 } else { 0 } + text - suspect.depth as i32)
            }
            Step::Read | Step::Write if same => Some(120),
            // A function of the library that a loop or an operator calls has no name that stands there.
            Step::Iterate | Step::Operate if symptom.called_native && !same => Some(60),
            Step::Read | Step::Write | Step::Iterate | Step::Operate if !plain => Some(50),
            _ => None,
        };
    }
    if let Some(said) = said(symptom.message) {
        let nth = said.steps.iter().position(|step| *step == suspect.step)? as i32;
        let fits = match (said.name, name) {
            (Some(said), Some(name)) if said == name => 50,
            // The property is computed, or it is one of a pattern's.
            (Some(_), None) => 10,
            (Some(said), Some(_))
                if suspect.step == Step::Destructure
                    && suspect.others.iter().any(|other| other == said) =>
            {
                50
            }
            (Some(_), Some(_)) if suspect.step == Step::Name => return None,
            (Some(_), Some(_)) => return None,
            (None, _) => 20,
        };
        let is_call = matches!(suspect.step, Step::Call | Step::Construct);
        let callable = match symptom.message {
            "not a function" if is_call && suspect.callable => return None,
            "not a function" if is_call => match can_call(suspect) {
                Some(true) => return None,
                Some(false) => 30,
                None => 0,
            },
            _ => 0,
        };
        if fits < 50 && callable < 30 && !suspect.exact {
            return None;
        }
        // Of several calls at one place, a member's is wrong more often than a plain name's.
        let member = i32::from(suspect.path.len() > 1);
        return Some(fits + exact + callable + member - 2 * nth);
    }
    let text = written(suspect, symptom)?;
    let makes = |class: &String| name == Some(class.as_str());
    let depth = match symptom.is_cause {
        true => suspect.depth as i32,
        false => -(suspect.depth as i32),
    };
    match suspect.step {
        Step::Construct | Step::Call if symptom.classes.iter().any(makes) && suspect.exact => {
            Some(100 + text + depth + i32::from(suspect.thrown))
        }
        _ if !suspect.exact => None,
        Step::Pattern if symptom.classes.iter().any(|class| class == "SyntaxError") => Some(90),
        Step::Throw => Some(30),
        // A function of the file's would be in the stack. Functions of the host are not, whether they have failed or not.
        Step::Call | Step::Construct if suspect.callable => None,
        Step::Call | Step::Construct => Some(
            40 + suspect.depth as i32
                + if is_named(symptom.message, name) {
                    50
                } else {
                    0
                },
        ),
        Step::Operate => Some(20),
        Step::Iterate | Step::Extend => Some(15),
        Step::Destructure | Step::Read | Step::Write => Some(10),
        Step::Name | Step::Pattern => None,
    }
}

/// Whether a message names what was called: `sem.take: unknown option`, or tells of a module that cannot be had.
fn is_named(message: &str, name: Option<&str>) -> bool {
    let Some(name) = name else {
        return false;
    };
    let said = message.split(':').next().unwrap_or_default();
    let is_import = matches!(name, "require" | "import") && message.contains("module '");
    is_import || said.rsplit('.').next() == Some(name)
}

/// Whether the text with which it makes an error is that of the error's message; `None` if it is another one.
fn written(suspect: &Suspect, symptom: &Symptom<'_>) -> Option<i32> {
    let makes = |class: &String| suspect.name.as_ref() == Some(class);
    match &suspect.written {
        Some(text) if symptom.classes.iter().any(makes) => {
            // A class may make its message of what it is given.
            let is_own = symptom.called.is_some();
            match (text.fits(symptom.message), is_own) {
                (true, _) => Some(20),
                (false, true) => Some(0),
                (false, false) => None,
            }
        }
        _ => Some(0),
    }
}

/// `get size` as `size`.
fn bare(name: &str) -> &str {
    name.strip_prefix("get ")
        .or_else(|| name.strip_prefix("set "))
        .or_else(|| name.strip_prefix("bound "))
        .unwrap_or(name)
}

/// The message with what it leaves out: which function is none, and what is undefined. `by_native` says that a function of the
/// engine had the error: then that one can be called, and what it was given cannot.
pub(super) fn plainer(message: &str, suspect: &Suspect, by_native: bool) -> Option<String> {
    let text = suspect.text.as_str();
    if text.is_empty() {
        return None;
    }
    let is_call = matches!(suspect.step, Step::Call | Step::Construct);
    match message {
        "not a function" if by_native && is_call => {
            Some(format!("{text}: what it is given is not a function"))
        }
        "must be called with new" | "class constructors must be invoked with 'new'" if is_call => {
            Some(format!("{text} must be called with new"))
        }
        "not a function" if suspect.step == Step::Call => Some(format!("{text} is not a function")),
        "not a function" if suspect.step == Step::Construct => {
            Some(format!("{text} is not a constructor"))
        }
        "not a constructor" => Some(format!("{text} is not a constructor")),
        "value is not iterable" => Some(format!("{text} is not iterable")),
        "parent class must be constructor" => Some(format!("{text} is not a class")),
        _ if message.starts_with("cannot read property '")
            || message.starts_with("cannot set property '") =>
        {
            let (_, what) = message.rsplit_once(" of ")?;
            Some(format!("{message}: {text} is {what}"))
        }
        _ => None,
    }
}
