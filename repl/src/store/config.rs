//! `cla.toml`: read, and refused with the place of what is wrong in it.

mod oidc;
mod permissions;
mod secrets;

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use cla_admin::{Declaration, Webhook};
use cla_runtime::Permissions;
use cla_runtime::semaphore::{SemaphoreName, Slots, StoreUrl, Ttl};
use codespan_reporting::diagnostic::{Diagnostic, Label};
use codespan_reporting::files::SimpleFile;
use codespan_reporting::term::{self, termcolor};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

pub(super) use self::oidc::Oidc;
pub(crate) use self::secrets::WantedSecret;
use super::ChoiceError;

/// All keys that there are.
const KEYS: [&str; 8] = [
    "store",
    "config",
    "semaphores",
    "alerts",
    "oidc",
    "permissions",
    "strict",
    "secrets",
];

/// All keys of a semaphore.
const SEMAPHORE_KEYS: [&str; 6] = [
    "slots",
    "description",
    "labels",
    "ttl",
    "alert_after",
    "alert_held_after",
];

/// All keys of the alerts.
const ALERT_KEYS: [&str; 1] = ["webhook"];

/// The longest configuration, in bytes. A longer file is something else.
const LONGEST: u64 = 1024 * 1024;

/// What a `cla.toml` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) store: Option<StoreUrl>,
    /// `[config]`: the settings of rules.
    pub(super) config: Option<serde_json::Value>,
    /// `[semaphores."NAME"]`, in the order of their names.
    pub(super) semaphores: Vec<Declaration>,
    /// `[alerts]`: where alerts are sent.
    pub(super) webhook: Option<Webhook>,
    /// `[oidc]`: who signs people in.
    pub(super) oidc: Option<Oidc>,
    /// `[permissions]`: what rules may reach.
    pub(super) permissions: Option<Permissions>,
    /// Whether scripts are strict.
    pub(super) strict: Option<bool>,
    /// `secrets`: which secrets rules want.
    pub(super) secrets: Option<Vec<WantedSecret>>,
}

/// What is wrong, and where.
struct Mistake {
    message: String,
    at: Range<usize>,
    /// Its line is not to be shown.
    is_private: bool,
}

impl Config {
    /// Reads the file, if there is one.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ChoiceError> {
        let read = || {
            if std::fs::metadata(path)?.len() > LONGEST {
                return Err(std::io::Error::other("it is longer than 1 MiB"));
            }
            std::fs::read_to_string(path)
        };
        let text = match read() {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(problem) => {
                return Err(ChoiceError::Unreadable {
                    path: path.to_owned(),
                    problem,
                });
            }
        };
        match Self::parse(&text, &path.display().to_string()) {
            Ok(config) => Ok(Some(config)),
            Err(mistake) => Err(ChoiceError::Config(mistake.shown(path, &text))),
        }
    }

    fn parse(text: &str, file: &str) -> Result<Self, Mistake> {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().unwrap_or_default();
            Mistake::new(error.message().to_owned(), at)
        })?;
        let mut config = Self::default();
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "store" => {
                    let url = match value.get_ref() {
                        DeValue::String(url) => url.parse().map_err(|error| format!("{error}")),
                        other => Err(format!("a store is a text, not {}", kind(other))),
                    };
                    let wrong = |message| Mistake::new(message, value.span());
                    config.store = Some(url.map_err(wrong)?);
                }
                "config" => config.config = Some(settings(value)?),
                "semaphores" => {
                    for (name, value) in table_of(value, "the semaphores are")? {
                        config.semaphores.push(declaration(name, value, file)?);
                    }
                }
                "alerts" => {
                    config.webhook = webhook(value)?;
                }
                "oidc" => config.oidc = Some(oidc::provider(value)?),
                "strict" => match value.get_ref() {
                    DeValue::Boolean(strict) => config.strict = Some(*strict),
                    other => {
                        let message = format!("`strict` is true or false, not {}", kind(other));
                        return Err(Mistake::new(message, value.span()));
                    }
                },
                "permissions" => config.permissions = Some(permissions::permissions(value, file)?),
                "secrets" => config.secrets = Some(secrets::wanted(value, file)?),
                _ => return Err(unknown_key(key, &KEYS)),
            }
        }
        config
            .semaphores
            .sort_by(|one, other| one.name().cmp(other.name()));
        Ok(config)
    }
}

/// The settings of rules. They may be anything that JSON has a word for; a date is a text.
fn settings(value: &Spanned<DeValue<'_>>) -> Result<serde_json::Value, Mistake> {
    let table = table_of(value, "the settings of rules are")?;
    let entries = table.iter().map(|(key, value)| {
        let key = key.get_ref().as_ref().to_owned();
        Ok((key, setting(value)?))
    });
    entries
        .collect::<Result<_, _>>()
        .map(serde_json::Value::Object)
}

/// The parser bounds how deep they are nested.
fn setting(value: &Spanned<DeValue<'_>>) -> Result<serde_json::Value, Mistake> {
    let wrong = |message: &str| Mistake::new(message.to_owned(), value.span());
    Ok(match value.get_ref() {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| wrong("the integer has more than 64 bits"))?
            .into(),
        DeValue::Float(number) => {
            let number: f64 = number.as_str().parse().unwrap_or(f64::NAN);
            if !number.is_finite() {
                return Err(wrong("a setting is a finite number"));
            }
            number.into()
        }
        DeValue::Array(items) => {
            let items = items.iter().map(setting);
            items.collect::<Result<Vec<_>, _>>()?.into()
        }
        DeValue::Table(_) => settings(value)?,
    })
}

/// Where alerts are sent.
fn webhook(alerts: &Spanned<DeValue<'_>>) -> Result<Option<Webhook>, Mistake> {
    let mut webhook = None;
    for (key, value) in table_of(alerts, "the alerts are")? {
        match key.get_ref().as_ref() {
            "webhook" => {
                let parsed = text(value, "a webhook is")?.parse::<Webhook>();
                webhook =
                    Some(parsed.map_err(|error| Mistake::new(error.to_string(), value.span()))?);
            }
            _ => return Err(unknown_key(key, &ALERT_KEYS)),
        }
    }
    Ok(webhook)
}

/// What is said of one semaphore.
fn declaration(
    name: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
    file: &str,
) -> Result<Declaration, Mistake> {
    let named = SemaphoreName::new(name.get_ref().as_ref())
        .map_err(|error| Mistake::new(error.to_string(), name.span()))?;
    let mut declared = Declaration::new(named, file);
    for (key, value) in table_of(value, "a semaphore is")? {
        let wrong = |message: String| Mistake::new(message, value.span());
        declared = match key.get_ref().as_ref() {
            "slots" => declared.slots(slots(value.get_ref()).map_err(wrong)?),
            "description" => declared.description(text(value, "a description is")?),
            "labels" => {
                let mut labelled = declared;
                for (label, value) in table_of(value, "the labels are")? {
                    let label_name = label.get_ref().as_ref();
                    if label_name.is_empty() || label_name.contains('=') {
                        let message = "a label has a name, without `=`".to_owned();
                        return Err(Mistake::new(message, label.span()));
                    }
                    labelled = labelled.label(label_name, text(value, "a label is")?);
                }
                labelled
            }
            "ttl" => {
                let ttl = Ttl::new(length_of_time(value.get_ref()).map_err(wrong)?);
                declared.ttl(ttl.map_err(|error| wrong(error.to_string()))?)
            }
            "alert_after" => declared.alert_after(length_of_time(value.get_ref()).map_err(wrong)?),
            "alert_held_after" => {
                declared.alert_held_after(length_of_time(value.get_ref()).map_err(wrong)?)
            }
            _ => return Err(unknown_key(key, &SEMAPHORE_KEYS)),
        };
    }
    Ok(declared)
}

/// The value as a table. `what` begins the sentence that says what it should be.
fn table_of<'v, 'i>(
    value: &'v Spanned<DeValue<'i>>,
    what: &str,
) -> Result<&'v DeTable<'i>, Mistake> {
    match value.get_ref() {
        DeValue::Table(table) => Ok(table),
        other => {
            let message = format!("{what} a table, not {}", kind(other));
            Err(Mistake::new(message, value.span()))
        }
    }
}

/// The value as a text.
fn text<'v>(value: &'v Spanned<DeValue<'_>>, what: &str) -> Result<&'v str, Mistake> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        other => {
            let message = format!("{what} a text, not {}", kind(other));
            Err(Mistake::new(message, value.span()))
        }
    }
}

/// `2`, `-1`, `"unlimited"`.
fn slots(value: &DeValue<'_>) -> Result<Slots, String> {
    match value {
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            let slots = number.ok().map(Slots::try_from);
            match slots {
                Some(Ok(slots)) => Ok(slots),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("there are not so many slots".to_owned()),
            }
        }
        DeValue::String(text) => text.parse::<Slots>().map_err(|error| error.to_string()),
        other => Err(format!(
            "slots are a number or \"unlimited\", not {}",
            kind(other)
        )),
    }
}

/// `"5m"`, `300`.
fn length_of_time(value: &DeValue<'_>) -> Result<Duration, String> {
    match value {
        DeValue::String(text) => crate::durations::limit(text),
        DeValue::Integer(number) => crate::durations::limit(number.as_str()),
        DeValue::Float(number) => crate::durations::limit(number.as_str()),
        other => Err(format!(
            "a length of time is a text such as \"5m\" or a number of seconds, not {}",
            kind(other)
        )),
    }
}

fn unknown_key(key: &Spanned<DeString<'_>>, keys: &[&'static str]) -> Mistake {
    let name = key.get_ref().as_ref();
    let message = match cla_runtime::internal::nearest(name, keys.iter().copied()) {
        Some(nearest) => format!("unknown key {name:?}; did you mean {nearest:?}?"),
        None => format!("unknown key {name:?}; there are: {}", keys.join(", ")),
    };
    Mistake::new(message, key.span())
}

/// A value's type, with its article.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl Mistake {
    const fn new(message: String, at: Range<usize>) -> Self {
        Self {
            message,
            at,
            is_private: false,
        }
    }

    /// The message, the place, and the line with what is wrong underlined.
    ///
    /// A line with an `@` or a `?` is not shown: in front of the one, and behind the other, there may be a password.
    fn shown(&self, path: &Path, text: &str) -> String {
        let (line, column, source) = self.place(text);
        if self.is_private || source.contains(['@', '?']) {
            return format!("{}:{line}:{column}: {}", path.display(), self.message);
        }
        let file = SimpleFile::new(path.display().to_string(), text);
        let diagnostic = Diagnostic::error()
            .with_message(&self.message)
            .with_labels(vec![Label::primary((), self.at.clone())]);
        let mut buffer = termcolor::Buffer::no_color();
        let written =
            term::emit_to_write_style(&mut buffer, &term::Config::default(), &file, &diagnostic);
        if written.is_err() {
            return format!("{}: {}", path.display(), self.message);
        }
        let shown = String::from_utf8_lossy(buffer.as_slice());
        let shown = shown.trim_end();
        // The caller adds that it is an error.
        shown.strip_prefix("error: ").unwrap_or(shown).to_owned()
    }

    /// The line and the column at which it begins, from 1, and the text of that line.
    fn place<'t>(&self, text: &'t str) -> (usize, usize, &'t str) {
        let before = text.get(..self.at.start).unwrap_or(text);
        let begin = before.rfind('\n').map_or(0, |end| end + 1);
        let source = text[begin..].lines().next().unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        (line, before[begin..].chars().count() + 1, source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        match Config::parse(text, "cla.toml") {
            Ok(config) => panic!("{text:?} is {config:?}"),
            Err(mistake) => mistake.shown(Path::new("cla.toml"), text),
        }
    }

    #[test]
    fn a_store_is_named_by_its_url() {
        let config = Config::parse("# shared\nstore = \"sqlite:x.db\"\n", "cla.toml")
            .ok()
            .unwrap();
        assert_eq!(config.store, Some(StoreUrl::Sqlite("x.db".into())));
        assert_eq!(Config::parse("", "cla.toml").ok(), Some(Config::default()));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_the_nearest() {
        let shown = refused("\n  stroe = \"memory:\"\n");
        for part in [
            "unknown key \"stroe\"",
            "did you mean \"store\"?",
            "cla.toml:2:3",
            "^^^^^",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(
            refused("[x]\ny = 1").contains("there are: store, config, semaphores, alerts, oidc")
        );
    }

    #[test]
    fn semaphores_are_declared_with_what_is_said_of_them() {
        let text = "[semaphores.'prod-db']\nslots = 2\ndescription = 'The database'\nlabels = {team = 'db'}\n\
                    ttl = '5m'\nalert_after = 600\n[semaphores]\nfree.slots = 'unlimited'\n";
        let config = Config::parse(text, "here/cla.toml").ok().unwrap();
        let of = |name| Declaration::new(SemaphoreName::new(name).unwrap(), "here/cla.toml");
        let expected = [
            of("free").slots(Slots::Unlimited),
            of("prod-db")
                .slots(Slots::Limited(2))
                .description("The database")
                .label("team", "db")
                .ttl(Ttl::from_secs(300).unwrap())
                .alert_after(Duration::from_secs(600)),
        ];
        assert_eq!(config.semaphores, expected);
    }

    #[test]
    fn settings_of_rules_keep_their_types() {
        let text = "[config]\nname = 'x'\nkeep = 3\nratio = 0.5\ndry = true\nwhen = 2026-01-02T03:04:05Z\n\
                    hosts = ['a', {port = 22}]\n[config.deploy]\nhost = 'web1'\n";
        let config = Config::parse(text, "cla.toml").ok().unwrap().config;
        let expected = serde_json::json!({
            "name": "x", "keep": 3, "ratio": 0.5, "dry": true, "when": "2026-01-02T03:04:05Z",
            "hosts": ["a", {"port": 22}], "deploy": {"host": "web1"},
        });
        assert_eq!(config, Some(expected));
        for (text, place, message) in [
            ("config = 5", ":1:10", "the settings of rules are a table"),
            ("config.a = nan", ":1:12", "a finite number"),
            ("config.a = 99999999999999999999", ":1:12", "64 bits"),
        ] {
            let shown = refused(text);
            assert!(shown.contains(&format!("cla.toml{place}")), "{shown}");
            assert!(shown.contains(message), "{shown}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_declared_semaphore_is_said_with_its_place() {
        for (line, place, message) in [
            ("slost = 2", ":2:1", "did you mean \"slots\"?"),
            ("colour = 2", ":2:1", "there are: slots, description"),
            ("slots = 1.5", ":2:9", "not a number"),
            ("slots = -2", ":2:9", "-2"),
            ("slots = 99999999999999999999", ":2:9", "not so many"),
            ("slots = 'many'", ":2:9", "many"),
            (
                "description = 5",
                ":2:15",
                "a description is a text, not a number",
            ),
            (
                "labels = 'x'",
                ":2:10",
                "the labels are a table, not a text",
            ),
            ("labels = {a = 1}", ":2:15", "a label is a text"),
            ("labels = {'a=b' = 'c'}", ":2:11", "without `=`"),
            ("ttl = '0s'", ":2:7", "from 1ms to 365d"),
            ("alert_after = 'soon'", ":2:15", "as in 30s"),
        ] {
            let shown = refused(&format!("[semaphores.x]\n{line}\n"));
            assert!(shown.contains(&format!("cla.toml{place}")), "{shown}");
            assert!(shown.contains(message), "{message} in {shown}");
        }
        assert!(refused("alerts.webhook = 'ftp://x'").contains("cla.toml:1:18"));
        assert!(refused("alerts.hook = 'x'").contains("there are: webhook"));
        assert!(refused("semaphores = 1").contains("the semaphores are a table"));
        assert!(refused("semaphores.x = 1").contains("a semaphore is a table"));
        assert!(refused("[semaphores.\"a\\nb\"]").contains("cla.toml:1:13"));
    }

    #[test]
    fn a_value_of_another_kind_or_no_store_is_refused_with_its_place() {
        let shown = refused("store = 5");
        assert!(
            shown.contains("not a number") && shown.contains("cla.toml:1:9"),
            "{shown}"
        );
        let shown = refused("store = 'radis://me:secret@host'");
        let expected = "cla.toml:1:9: \"radis://me:***@host\" is no store";
        assert!(shown.starts_with(expected), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_place() {
        let shown = refused("store = \"memory:\"\nstore = 'x'\n");
        assert!(shown.contains("cla.toml:2:1"), "{shown}");
        assert!(
            refused("store = \"mem").contains("cla.toml:1:"),
            "unfinished"
        );
    }
}
