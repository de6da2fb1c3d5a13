//! Values that must not be shown: [`Secrets`].
//!
//! A rule reads a secret by its name. Wherever text leaves a run (its output, its errors, its value in the report, the
//! regions it was in), the secret's characters are replaced by `***`, also where they are written in another way: see
//! [`Secrets::mask`]. Inside of the family of runs nothing is replaced: a rule that another rule calls gives it the text
//! itself.

mod forms;
mod stream;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value as Json;

pub(crate) use self::stream::MaskedStream;
use crate::error::RuleError;
use crate::nearest::nearest;
use crate::plan::{Plan, PlannedBlock, PlannedOp, PlannedSemaphore};
use crate::trace::RegionRecord;
use crate::value::RuleValue;

/// What stands in place of a secret.
///
/// ```
/// use cla_runtime::secrets::{InvalidSecret, MASK, Secrets};
///
/// let secrets = Secrets::new().with("TOKEN", "hunter22")?;
/// assert_eq!(secrets.mask("hunter22"), MASK);
/// # Ok::<(), InvalidSecret>(())
/// ```
pub const MASK: &str = "***";

/// Where a text was cut: what stands before it may be the beginning of a secret, and what stands behind it the end of one.
const CUT: char = '…';

/// So many of them are looked at in one text.
const MOST_CUTS: usize = 64;

/// A shorter secret would be found everywhere, and hide text that is no secret.
const SHORTEST: usize = 4;

/// Named values that a rule may read and that are masked wherever text leaves its run.
///
/// ```
/// use cla_runtime::secrets::Secrets;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secrets = Secrets::new().with("TOKEN", "hunter22")?;
/// let script = Script::javascript("leak", "throw new Error('wrong password: hunter22')");
/// let report = Engine::new().run(script, RunOptions::new().secrets(secrets)).await;
/// assert_eq!(report.result.unwrap_err().message, "wrong password: ***");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Secrets(Option<Arc<Known>>);

#[derive(Default)]
struct Known {
    named: Vec<(String, String)>,
    /// Values that are masked, and that no rule can read by a name.
    hidden: Vec<String>,
    /// Secrets that rules are to have and that are not there, each with the reason.
    missing: Vec<(String, String)>,
    /// Finds all forms of all values; made when it is first needed.
    finder: OnceLock<Finder>,
}

struct Finder {
    matches: Option<AhoCorasick>,
    forms: Vec<String>,
}

/// A secret that cannot be kept.
///
/// ```
/// use cla_runtime::secrets::{InvalidSecret, Secrets};
///
/// let short = Secrets::new().with("TOKEN", "x");
/// assert!(matches!(short, Err(InvalidSecret::TooShort(name)) if name == "TOKEN"));
/// let misnamed = Secrets::new().with("my token", "hunter22");
/// assert!(matches!(misnamed, Err(InvalidSecret::Name(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSecret {
    /// The name is not a variable's.
    #[error("{0:?} is no name of a secret: letters, digits and _, and no digit first")]
    Name(String),
    /// The value is so short that it would be found everywhere.
    #[error(
        "the secret {0} has fewer than {SHORTEST} characters: it would be found everywhere, and cannot be masked"
    )]
    TooShort(String),
}

/// Whether a secret may have this name: letters, digits and `_`, and no digit first.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let letters = |c: char| c == '_' || c.is_ascii_alphanumeric();
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(letters)
}

impl Secrets {
    /// No secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret, in place of one of the same name. Line ends at the end of `value` are no part of it.
    ///
    /// # Errors
    ///
    /// The name has other characters than letters, digits and `_`; the value has fewer than four characters.
    pub fn with(
        self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, InvalidSecret> {
        let (name, value) = (name.into(), value.into());
        if !is_secret_name(&name) {
            return Err(InvalidSecret::Name(name));
        }
        let value = value.trim_end_matches(['\n', '\r']);
        if value.trim().chars().count() < SHORTEST {
            return Err(InvalidSecret::TooShort(name));
        }
        let mut known = self.copied();
        known.named.retain(|(other, _)| *other != name);
        known.missing.retain(|(other, _)| *other != name);
        known.named.push((name, value.to_owned()));
        Ok(Self(Some(Arc::new(known))))
    }

    /// Says why there is no secret of this name, as a sentence without its full stop: a rule that reads it learns that.
    /// One that is there stays.
    #[must_use]
    pub fn missing(self, name: impl Into<String>, why: impl Into<String>) -> Self {
        let name = name.into();
        if self.get(&name).is_some() {
            return self;
        }
        let mut known = self.copied();
        known.missing.retain(|(other, _)| *other != name);
        known.missing.push((name, why.into()));
        Self(Some(Arc::new(known)))
    }

    /// The secrets that are [`missing`](Self::missing), each with the reason.
    pub fn all_missing(&self) -> impl Iterator<Item = (&str, &str)> {
        let missing = self.0.as_deref().map(|known| known.missing.as_slice());
        let missing = missing.unwrap_or_default().iter();
        missing.map(|(name, why)| (name.as_str(), why.as_str()))
    }

    /// Why there is no secret of this name.
    pub(crate) fn why_absent(&self, name: &str) -> String {
        if let Some((_, why)) = self.all_missing().find(|(other, _)| *other == name) {
            return format!("there is no secret {name:?}: {why}");
        }
        if let Some(near) = nearest(name, self.names()) {
            return format!("there is no secret {name:?}; did you mean {near:?}?");
        }
        let names: Vec<&str> = self.names().collect();
        let known = match names.as_slice() {
            [] => "the run has no secrets".to_owned(),
            names => format!("the run has {}", names.join(", ")),
        };
        format!("there is no secret {name:?}: {known} (cla run --secret NAME gives one)")
    }

    /// Adds a value that is masked and that no rule can read, such as the password of a store. One of fewer than four
    /// characters is ignored: it would be found everywhere.
    ///
    /// ```
    /// use cla_runtime::secrets::Secrets;
    ///
    /// let secrets = Secrets::new().hiding("hunter22");
    /// assert_eq!(secrets.mask("password: hunter22"), "password: ***");
    /// assert_eq!(secrets.names().count(), 0, "no rule can ask for it");
    /// ```
    #[must_use]
    pub fn hiding(self, value: impl Into<String>) -> Self {
        let value = value.into();
        if value.trim().chars().count() < SHORTEST {
            return self;
        }
        let mut known = self.copied();
        known.hidden.push(value);
        Self(Some(Arc::new(known)))
    }

    /// The same without what was found so far: that is for other values.
    fn copied(&self) -> Known {
        let known = self.0.as_deref();
        Known {
            named: known.map(|known| known.named.clone()).unwrap_or_default(),
            hidden: known.map(|known| known.hidden.clone()).unwrap_or_default(),
            missing: known.map(|known| known.missing.clone()).unwrap_or_default(),
            finder: OnceLock::new(),
        }
    }

    /// Whether there is nothing to mask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value of a secret.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let known = self.0.as_deref()?;
        let (_, value) = known.named.iter().find(|(other, _)| other == name)?;
        Some(value)
    }

    /// The names of the secrets, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.0.as_deref().map(|known| known.named.as_slice());
        named
            .unwrap_or_default()
            .iter()
            .map(|(name, _)| name.as_str())
    }

    /// `text` with `***` in place of each secret, and of each of these forms of it: base64 (as a whole, or as a part of a
    /// longer text), percent-encoding, hexadecimal digits, the escapes of JSON, JavaScript, HTML and the shell. Of a
    /// secret of several lines, each line of at least four characters is masked.
    ///
    /// ```
    /// # use cla_runtime::secrets::{InvalidSecret, Secrets};
    /// let secrets = Secrets::new().with("TOKEN", "s3cret&co")?;
    /// assert_eq!(secrets.mask("?token=s3cret%26co"), "?token=***");
    /// # Ok::<(), InvalidSecret>(())
    /// ```
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut masked = String::with_capacity(text.len());
        let mut end = 0;
        for part in found {
            masked.push_str(&text[end..part.start]);
            masked.push_str(MASK);
            end = part.end;
        }
        masked.push_str(&text[end..]);
        Cow::Owned(masked)
    }

    /// `text` without the values that no rule can read by a name, as they are.
    pub(crate) fn without_hidden(&self, text: String) -> String {
        let known = self.0.as_deref();
        let hidden = known
            .map(|known| known.hidden.as_slice())
            .unwrap_or_default();
        hidden
            .iter()
            .fold(text, |text, value| text.replace(value, MASK))
    }

    /// Whether a text has a secret in it, in any form.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        !self.find(text).is_empty()
    }

    /// Where secrets are in a text. Those that overlap or touch are one.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let Some(matches) = self
            .0
            .as_deref()
            .and_then(|known| known.finder().matches.as_ref())
        else {
            return Vec::new();
        };
        let mut found: Vec<Range<usize>> = matches
            .find_overlapping_iter(text)
            .map(|part| part.range())
            .collect();
        for (at, mark) in text.match_indices(CUT).take(MOST_CUTS) {
            let end = at + mark.len();
            let (begun, ended) = (self.may_begin(&text[..at]), self.may_end(&text[end..]));
            if begun >= SHORTEST {
                found.push(at - begun..at);
            }
            if ended >= SHORTEST {
                found.push(end..end + ended);
            }
        }
        found.sort_by_key(|part| part.start);
        found.dedup_by(|next, part| {
            let joins = next.start <= part.end;
            if joins {
                part.end = part.end.max(next.end);
            }
            joins
        });
        found
    }

    /// How many bytes at the end of `text` may be the beginning of a secret.
    fn may_begin(&self, text: &str) -> usize {
        let Some(known) = self.0.as_deref() else {
            return 0;
        };
        let begins = |form: &String| {
            let most = (form.len() - 1).min(text.len());
            let ends = (1..=most).rev().find(|length| {
                text.as_bytes()[text.len() - length..] == form.as_bytes()[..*length]
            });
            ends.unwrap_or(0)
        };
        known.finder().forms.iter().map(begins).max().unwrap_or(0)
    }

    /// How many bytes at the beginning of `text` may be the end of a secret.
    fn may_end(&self, text: &str) -> usize {
        let Some(known) = self.0.as_deref() else {
            return 0;
        };
        let ends = |form: &String| {
            let most = (form.len() - 1).min(text.len());
            let begins = (1..=most).rev().find(|length| {
                text.as_bytes()[..*length] == form.as_bytes()[form.len() - length..]
            });
            begins.unwrap_or(0)
        };
        known.finder().forms.iter().map(ends).max().unwrap_or(0)
    }

    fn replace(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.mask(text) {
            *text = masked;
        }
    }

    /// Masks the texts of a value, its keys too. A number that reads as a secret becomes a text.
    ///
    /// ```
    /// use cla_runtime::secrets::{InvalidSecret, Secrets};
    ///
    /// let secrets = Secrets::new().with("TOKEN", "hunter22")?;
    /// let mut json = serde_json::json!({"header": ["Bearer hunter22"]});
    /// secrets.mask_json(&mut json);
    /// assert_eq!(json, serde_json::json!({"header": ["Bearer ***"]}));
    /// # Ok::<(), InvalidSecret>(())
    /// ```
    pub fn mask_json(&self, json: &mut Json) {
        match json {
            Json::Null | Json::Bool(_) => {}
            Json::Number(number) => {
                if let Cow::Owned(masked) = self.mask(&number.to_string()) {
                    *json = Json::String(masked);
                }
            }
            Json::String(text) => self.replace(text),
            Json::Array(items) => items.iter_mut().for_each(|item| self.mask_json(item)),
            Json::Object(map) => {
                if map.keys().any(|key| self.are_in(key)) {
                    let entries = std::mem::take(map).into_iter();
                    *map = entries
                        .map(|(key, value)| (self.mask(&key).into_owned(), value))
                        .collect();
                }
                map.values_mut().for_each(|value| self.mask_json(value));
            }
        }
    }

    /// As [`mask_json`](Self::mask_json), for a value of the other form. Bytes that are a text with a secret in it become
    /// that text, masked.
    pub fn mask_value(&self, value: &mut RuleValue) {
        match value {
            RuleValue::Null | RuleValue::Bool(_) | RuleValue::Passed(_) => {}
            RuleValue::Number(number) => {
                if let Cow::Owned(masked) = self.mask(&number.to_string()) {
                    *value = RuleValue::String(masked);
                }
            }
            RuleValue::BigInt(digits) => {
                if let Cow::Owned(masked) = self.mask(digits) {
                    *value = RuleValue::String(masked);
                }
            }
            RuleValue::String(text) => self.replace(text),
            RuleValue::Bytes(bytes) => {
                if let Cow::Owned(masked) = self.mask(&String::from_utf8_lossy(bytes)) {
                    *value = RuleValue::String(masked);
                }
            }
            RuleValue::Array(items) => items.iter_mut().for_each(|item| self.mask_value(item)),
            RuleValue::Object(entries) => {
                for (key, value) in entries {
                    self.replace(key);
                    self.mask_value(value);
                }
            }
        }
    }

    /// Masks all that an error says.
    pub fn mask_error(&self, error: &mut RuleError) {
        if self.is_empty() {
            return;
        }
        self.replace(&mut error.name);
        self.replace(&mut error.message);
        if let Some(help) = &mut error.help {
            self.replace(help);
        }
        if let Some(location) = &mut error.location {
            self.replace(&mut location.file);
        }
        for frame in &mut error.frames {
            self.replace(&mut frame.location.file);
            if let Some(function) = &mut frame.function {
                self.replace(function);
            }
        }
        if let Some(snippet) = &mut error.snippet {
            self.replace(&mut snippet.text);
        }
        self.mask_json(&mut error.details);
        if let Some(cause) = &mut error.cause {
            self.mask_error(cause);
        }
        error
            .errors
            .iter_mut()
            .for_each(|error| self.mask_error(error));
    }

    /// Masks all that a plan says.
    pub fn mask_plan(&self, plan: &mut Plan) {
        if self.is_empty() {
            return;
        }
        self.replace(&mut plan.file);
        self.replace_some(&mut plan.event);
        plan.ops
            .iter_mut()
            .flatten()
            .for_each(|op| self.mask_op(op));
        plan.semaphores
            .iter_mut()
            .for_each(|semaphore| self.mask_planned(semaphore));
        for import in &mut plan.imports {
            self.replace(&mut import.specifier);
            self.replace_some(&mut import.module);
        }
    }

    fn mask_op(&self, op: &mut PlannedOp) {
        self.replace(&mut op.op);
        for text in [
            &mut op.name,
            &mut op.what,
            &mut op.timeout,
            &mut op.on_error,
            &mut op.when,
            &mut op.register,
        ] {
            self.replace_some(text);
        }
        if let Some(semaphore) = &mut op.semaphore {
            self.mask_planned(semaphore);
        }
        for PlannedBlock { label, ops } in &mut op.blocks {
            self.replace_some(label);
            ops.iter_mut().for_each(|op| self.mask_op(op));
        }
    }

    fn mask_planned(&self, semaphore: &mut PlannedSemaphore) {
        self.replace(&mut semaphore.name);
        for text in [
            &mut semaphore.slots,
            &mut semaphore.timeout,
            &mut semaphore.ttl,
        ] {
            self.replace_some(text);
        }
    }

    fn replace_some(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.replace(text);
        }
    }

    pub(crate) fn mask_region(&self, region: &mut RegionRecord) {
        self.replace(&mut region.who);
    }
}

impl Known {
    fn finder(&self) -> &Finder {
        self.finder.get_or_init(|| {
            let values = self.named.iter().map(|(_, value)| value);
            let values = values.chain(&self.hidden);
            let mut forms: Vec<String> = values.flat_map(|value| forms::of(value)).collect();
            forms.sort();
            forms.dedup();
            let matches = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .build(&forms);
            Finder {
                matches: matches.ok(),
                forms,
            }
        })
    }
}

/// The names, and no value.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests;
