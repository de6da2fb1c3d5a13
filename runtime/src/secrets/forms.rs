//! The ways in which a secret may be written.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::SHORTEST;

/// What `encodeURIComponent` changes.
const URI_COMPONENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// What forms change, in bodies and in queries.
const FORM: &AsciiSet = &UNRESERVED.remove(b'*');

/// What RFC 3986 lets stand in any part of a URL stays, but for the tilde, which some encode.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// All forms of a secret that are looked for; none has a line end.
pub(super) fn of(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    // Output goes line by line, and so does what is read from it.
    for line in value.lines() {
        let line = line.trim();
        plain(line, &mut forms);
    }
    if value.lines().nth(1).is_some() {
        escaped(value, &mut forms);
    }
    base64(value, &mut forms);
    forms.retain(|form| form.chars().count() >= SHORTEST && !form.contains(['\n', '\r']));
    forms
}

fn plain(line: &str, forms: &mut Vec<String>) {
    forms.push(line.to_owned());
    if let Ok(unsigned) = line.parse::<u64>() {
        // As JavaScript writes a number: `0042` is 42, unless it is too short to be told from others.
        forms.push(unsigned.to_string());
    }
    escaped(line, forms);
}

/// The forms that mark some characters.
fn escaped(text: &str, forms: &mut Vec<String>) {
    for set in [URI_COMPONENT, FORM, UNRESERVED, NON_ALPHANUMERIC] {
        let encoded = utf8_percent_encode(text, set).to_string();
        forms.push(lower_escapes(&encoded));
        forms.push(encoded);
    }
    let form = utf8_percent_encode(text, FORM)
        .to_string()
        .replace("%20", "+");
    forms.push(lower_escapes(&form));
    forms.push(form);
    if let Ok(json) = serde_json::to_string(text) {
        let json = json[1..json.len() - 1].to_owned();
        // As JSON is written into JSON, and as JavaScript shows a text in either kind of quotes.
        forms.push(json.replace('\\', r"\\").replace('"', "\\\""));
        forms.push(json.replace("\\\"", "\"").replace('\'', r"\'"));
        forms.push(json.replace("\\\"", "\""));
        forms.push(json.replace('/', r"\/"));
        forms.push(json);
    }
    // In single quotes, in YAML and SQL; for a shell; and between double quotes there.
    forms.push(text.replace('\'', "''"));
    forms.push(text.replace('\'', r"'\''"));
    forms.push(text.replace('\'', "'\"'\"'"));
    let mut quoted = String::new();
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    forms.push(quoted);
    let html = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    forms.push(html.replace('"', "&quot;").replace('\'', "&#39;"));
    forms.push(html.replace('"', "&quot;").replace('\'', "&#x27;"));
    forms.push(html.replace('"', "&quot;").replace('\'', "&apos;"));
    forms.push(html.replace('"', "&quot;"));
    forms.push(html);
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    forms.push(hex.to_uppercase());
    forms.push(hex);
}

/// `%2F` as `%2f`.
fn lower_escapes(encoded: &str) -> String {
    let mut lower = String::with_capacity(encoded.len());
    let mut digits = 0;
    for c in encoded.chars() {
        lower.push(if digits > 0 {
            c.to_ascii_lowercase()
        } else {
            c
        });
        digits = if c == '%' {
            2
        } else {
            usize::saturating_sub(digits, 1)
        };
    }
    lower
}

/// Base64 of the value as part of any text: three forms, as the bytes before it are a multiple of three, or one more, or
/// two. Of each, what depends on the value alone.
fn base64(value: &str, forms: &mut Vec<String>) {
    for before in 0..3_usize {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value.as_bytes());
        let begin = (before * 8).div_ceil(6);
        let end = bytes.len() * 8 / 6;
        for encoded in [
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
        ] {
            // With more text behind it, and at the end of a text.
            forms.extend(encoded.get(begin..end).map(str::to_owned));
            forms.extend(encoded.get(begin..).map(str::to_owned));
        }
    }
}
