//! Language tags, and which of them something is known of.

use std::fmt;

use icu_locale::extensions::unicode::{Key, Value};
use icu_locale::{LanguageIdentifier, Locale, LocaleCanonicalizer, LocaleExpander};

use crate::data::{index, world};
use crate::error::Error;

/// The locale of a program that names none.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
pub const DEFAULT: &str = "en-US";

/// The longest text that is read as a tag, in bytes.
const LONGEST_TAG: usize = 1000;

/// A language tag in its canonical form.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(Locale);

thread_local! {
    static EXPANDER: LocaleExpander = const { LocaleExpander::new_extended() };
    static CANONICALIZER: LocaleCanonicalizer = const { LocaleCanonicalizer::new_extended() };
}

fn maximize(id: &mut LanguageIdentifier) {
    if *id == LanguageIdentifier::UNKNOWN {
        // Of nothing, what most programs are written in is likely; the crate leaves it as it is.
        *id = icu_locale::langid!("en-Latn-US");
        return;
    }
    EXPANDER.with(|expander| expander.maximize(id));
}

impl Tag {
    /// Reads a tag: `iw-il` becomes `he-IL`.
    ///
    /// # Errors
    ///
    /// [`Error::BadTag`]: it is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadTag(text.chars().take(100).collect());
        // What Unicode allows beside BCP 47: underscores, and "root".
        let is_fit = text.is_ascii() && text.len() <= LONGEST_TAG && !text.contains('_');
        if !is_fit || text.eq_ignore_ascii_case("root") {
            return Err(bad());
        }
        let mut locale = Locale::try_from_str(text).map_err(|_| bad())?;
        CANONICALIZER.with(|canonicalizer| canonicalizer.canonicalize(&mut locale));
        Ok(Self(locale))
    }

    /// The tag without extensions: `de-AT`.
    #[must_use]
    pub fn base(&self) -> String {
        self.0.id.to_string()
    }

    /// The language: `de`.
    #[must_use]
    pub fn language(&self) -> String {
        self.0.id.language.to_string()
    }

    /// The script, if the tag names it: `Hant`.
    #[must_use]
    pub fn script(&self) -> Option<String> {
        self.0.id.script.map(|script| script.to_string())
    }

    /// The region, if the tag names it: `AT`.
    #[must_use]
    pub fn region(&self) -> Option<String> {
        self.0.id.region.map(|region| region.to_string())
    }

    /// The region, or the one in which most people who speak the language live.
    #[must_use]
    pub fn likely_region(&self) -> Option<String> {
        self.maximized().region()
    }

    /// With the script and the region that are likely.
    #[must_use]
    pub fn maximized(&self) -> Self {
        let mut longer = self.clone();
        maximize(&mut longer.0.id);
        longer
    }

    /// Without the script and the region that are likely anyway.
    #[must_use]
    pub fn minimized(&self) -> Self {
        let mut shorter = self.clone();
        EXPANDER.with(|expander| expander.minimize(&mut shorter.0.id));
        shorter
    }

    /// The value of a Unicode extension such as `nu`; empty if it is there without a value.
    #[must_use]
    pub fn keyword(&self, key: &str) -> Option<String> {
        let key: Key = key.parse().ok()?;
        let value = self.0.extensions.unicode.keywords.get(&key)?;
        Some(value.to_string())
    }

    /// With a Unicode extension; without it for `None`. A value that cannot be one is an error.
    ///
    /// # Errors
    ///
    /// [`Error::BadTag`]: the value is none that an extension may have.
    pub fn with_keyword(&self, key: &str, value: Option<&str>) -> Result<Self, Error> {
        let mut changed = self.clone();
        let bad = || Error::BadTag(value.unwrap_or(key).chars().take(100).collect());
        let key: Key = key.parse().map_err(|_| bad())?;
        let keywords = &mut changed.0.extensions.unicode.keywords;
        match value {
            Some(value) => {
                let value = Value::try_from_str(value).map_err(|_| bad())?;
                keywords.set(key, value);
            }
            None => drop(keywords.remove(key)),
        }
        Ok(changed)
    }

    /// With another language, script or region.
    ///
    /// # Errors
    ///
    /// [`Error::BadTag`]: one of them is none.
    pub fn with_subtags(
        &self,
        language: Option<&str>,
        script: Option<&str>,
        region: Option<&str>,
    ) -> Result<Self, Error> {
        let mut changed = self.clone();
        let bad = |text: &str| Error::BadTag(text.chars().take(100).collect());
        if let Some(language) = language {
            changed.0.id.language = language.parse().map_err(|_| bad(language))?;
        }
        if let Some(script) = script {
            changed.0.id.script = Some(script.parse().map_err(|_| bad(script))?);
        }
        if let Some(region) = region {
            changed.0.id.region = Some(region.parse().map_err(|_| bad(region))?);
        }
        Self::parse(&changed.0.to_string())
    }

    /// Whether people write it from right to left.
    #[must_use]
    pub fn is_right_to_left(&self) -> bool {
        const SCRIPTS: [&str; 8] = [
            "Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg", "Mand",
        ];
        let script = self.maximized().script();
        script.is_some_and(|script| SCRIPTS.contains(&script.as_str()))
    }

    /// Without any extension.
    #[must_use]
    pub fn without_extensions(&self) -> Self {
        Self(Locale::from(self.0.id.clone()))
    }

    pub(crate) fn id(&self) -> &LanguageIdentifier {
        &self.0.id
    }

    pub(crate) fn icu(&self) -> &Locale {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What fits a tag best.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Available {
    /// As much of the tag as is known: `de-AT` of `de-AT-u-nu-latn`.
    pub(crate) tag: String,
    /// The locale of the file.
    pub(crate) name: &'static str,
}

/// The locale of the file that a tag without extensions stands for, if there is one for exactly this tag.
fn exactly(tag: &str) -> Option<&'static str> {
    let index = index().ok()?;
    if let Some((name, _)) = index.locales.get_key_value(tag) {
        return Some(name);
    }
    if !index.defaults.iter().any(|known| known == tag) {
        return None;
    }
    let mut shorter = tag;
    while let Some((start, _)) = shorter.rsplit_once('-') {
        if let Some((name, _)) = index.locales.get_key_value(start) {
            return Some(name);
        }
        shorter = start;
    }
    None
}

/// What fits a tag best: itself, or what is left of it without its last parts.
pub(crate) fn available(tag: &Tag) -> Option<Available> {
    let base = tag.base();
    let mut candidate = base.as_str();
    loop {
        if let Some(name) = exactly(candidate) {
            let tag = candidate.to_owned();
            return Some(Available { tag, name });
        }
        // `zh-TW` is not written as `zh` is: its script is that of `zh-Hant`.
        if let Ok(short) = candidate.parse::<LanguageIdentifier>()
            && short.script.is_none()
            && short.region.is_some()
        {
            let mut long = short.clone();
            maximize(&mut long);
            if let Some(name) = exactly(&long.to_string()) {
                let tag = candidate.to_owned();
                return Some(Available { tag, name });
            }
        }
        candidate = candidate.rsplit_once('-')?.0;
    }
}

/// As much of a tag as something is known of, without its extensions; `None` if nothing is known of the language.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[must_use]
pub fn best_available(tag: &Tag) -> Option<String> {
    available(tag).map(|found| found.tag)
}

/// What fits a tag best.
///
/// # Errors
///
/// [`Error::UnknownLocale`]: nothing is known of the language.
pub(crate) fn lookup(tag: &Tag) -> Result<Available, Error> {
    available(tag).ok_or_else(|| Error::UnknownLocale(tag.base()))
}

/// How hours are written in a locale: `"h12"`, `"h23"` or `"h11"`.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[must_use]
pub fn hour_cycle_of(tag: &Tag) -> &'static str {
    let Ok(world) = world() else { return "h23" };
    let region = tag.likely_region().unwrap_or_else(|| "001".to_owned());
    let of_language = format!("{}-{region}", tag.language());
    let known = [of_language.as_str(), &region, "001"];
    let found = known.into_iter().find_map(|key| world.hours.get(key));
    match found.and_then(|(preferred, _)| preferred.chars().next()) {
        Some('h') => "h12",
        Some('K') => "h11",
        _ => "h23",
    }
}
