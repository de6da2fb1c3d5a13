use proptest::prelude::*;
use serde_json::json;

use super::*;

fn secrets(value: &str) -> Secrets {
    Secrets::new().with("S", value).expect("a secret")
}

#[test]
fn a_secret_is_masked_in_every_way_of_writing_it() {
    let value = r#"p4ss w/ö"'\&<$x>"#;
    let secrets = secrets(value);
    for text in [
        format!("<{value}>"),
        // encodeURIComponent, a form's body, and either case of digits.
        "a=p4ss%20w%2F%C3%B6%22'%5C%26%3C%24x%3E&b".to_owned(),
        "a=p4ss+w%2f%c3%b6%22%27%5c%26%3c%24x%3e&b".to_owned(),
        serde_json::to_string(&json!({ "a": value })).unwrap(),
        serde_json::to_string(&serde_json::to_string(&json!({ "a": value })).unwrap()).unwrap(),
        r#"'p4ss w/ö"\'\\&<$x>'"#.to_owned(),
        r#"'p4ss w/ö"'\''\&<$x>'"#.to_owned(),
        r#""p4ss w/ö\"'\\&<\$x>""#.to_owned(),
        "p4ss w/ö&quot;&#39;\\&amp;&lt;$x&gt;".to_owned(),
        "7034737320772fc3b622275c263c24783e".to_owned(),
        "7034737320772FC3B622275C263C24783E".to_owned(),
    ] {
        let masked = secrets.mask(&text);
        assert!(masked.contains(MASK), "{text} -> {masked}");
        assert!(
            !masked.contains("p4ss") && !masked.contains("7034"),
            "{text} -> {masked}"
        );
    }
}

#[test]
fn base64_is_masked_wherever_the_secret_stands_in_it() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    let value = "correct>horse?battery";
    for before in ["", "u", "us", "use", "user:"] {
        for after in ["", "!", "!!", "!!!"] {
            let text = format!("{before}{value}{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                let masked = secrets(value).mask(&encoded).into_owned();
                // What is left are the characters that other bytes have a share in.
                assert!(
                    masked.len() < 20 && masked.contains(MASK),
                    "{text}: {masked}"
                );
            }
        }
    }
}

#[test]
fn each_line_of_a_long_secret_is_masked() {
    let key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n  zzyyxxwwvv\n-----END KEY-----\n";
    let secrets = secrets(key);
    assert_eq!(
        secrets.mask("x zzyyxxwwvv\nMIIEpAIBAAKCAQEA."),
        "x ***\n***."
    );
    let json = serde_json::to_string(key).unwrap();
    assert!(!secrets.mask(&json).contains("MIIE"));
    assert_eq!(secrets.get("S"), Some(key.trim_end()));
}

#[test]
fn secrets_that_overlap_leave_nothing_of_each_other() {
    let secrets = secrets("abcdef").with("T", "efgh12").expect("a secret");
    assert_eq!(secrets.mask("abcdefgh12"), "***");
    assert_eq!(secrets.mask("abcdefabcdef"), "***");
}

#[test]
fn what_cannot_be_a_secret_is_refused_and_not_shown() {
    for (name, value) in [
        ("", "long enough"),
        ("a-b", "long enough"),
        ("1a", "long enough"),
        ("A", ""),
        ("A", "abc"),
        ("A", "abc\n\n"),
        ("A", "      "),
    ] {
        let error = Secrets::new()
            .with(name, value)
            .expect_err(name)
            .to_string();
        assert!(
            value.trim().is_empty() || !error.contains(value.trim()),
            "{error}"
        );
    }
    let shown = format!("{:?}", secrets("hunter22").hiding("hidden99"));
    assert_eq!(shown, r#"{"S"}"#);
}

#[test]
fn values_and_errors_are_masked_with_their_keys() {
    let secrets = secrets("12345678");
    let mut json = json!({"n": 12345678, "k12345678": ["x12345678", 1, null, true, 123456789]});
    secrets.mask_json(&mut json);
    assert_eq!(
        json,
        json!({"n": "***", "k***": ["x***", 1, null, true, "***9"]})
    );
    let mut value = RuleValue::Object(vec![
        ("b".to_owned(), RuleValue::Bytes(b"<12345678>".to_vec())),
        ("n".to_owned(), RuleValue::Number(12_345_678.0)),
        ("i".to_owned(), RuleValue::BigInt("12345678".to_owned())),
        ("o".to_owned(), RuleValue::Bytes(vec![0, 255])),
    ]);
    secrets.mask_value(&mut value);
    assert_eq!(
        value,
        RuleValue::Object(vec![
            ("b".to_owned(), RuleValue::String("<***>".to_owned())),
            ("n".to_owned(), RuleValue::String("***".to_owned())),
            ("i".to_owned(), RuleValue::String("***".to_owned())),
            ("o".to_owned(), RuleValue::Bytes(vec![0, 255])),
        ])
    );
}

#[test]
fn nothing_is_held_back_of_a_line_that_ends() {
    let secrets = secrets("hunter22");
    let mut stream = MaskedStream::default();
    assert_eq!(stream.push(&secrets, "is it hunt"), "is it ");
    assert_eq!(stream.push(&secrets, "ing\n"), "hunting\n");
    assert_eq!(stream.push(&secrets, "hunter2"), "");
    assert_eq!(stream.push(&secrets, "2"), "***");
    assert_eq!(stream.push(&secrets, "hunt\n"), "hunt\n");
    assert_eq!(stream.push(&secrets, "hu"), "");
    assert_eq!(stream.finish(&secrets).as_deref(), Some("hu"));
    assert_eq!(stream.finish(&secrets), None);
}

/// `******` says no more than `***`.
fn collapsed(text: &str) -> String {
    let mut text = text.to_owned();
    while text.contains("******") {
        text = text.replace("******", MASK);
    }
    text
}

proptest! {
    /// Over two letters, so that secrets overlap with themselves and with each other.
    #[test]
    fn pieces_are_masked_as_the_whole(
        first in "[ab]{4,7}",
        second in "[ab]{4,9}",
        pieces in prop::collection::vec("[ab\n]{0,6}", 0..12),
    ) {
        let secrets = secrets(&first).with("T", &second).expect("a secret");
        let mut stream = MaskedStream::default();
        let mut shown = String::new();
        for piece in &pieces {
            shown.push_str(&stream.push(&secrets, piece));
        }
        shown.push_str(&stream.finish(&secrets).unwrap_or_default());
        prop_assert_eq!(collapsed(&shown), collapsed(&secrets.mask(&pieces.concat())));
    }

    #[test]
    fn what_is_masked_has_no_secret_left(value in "\\PC{4,12}", before in "\\PC{0,5}", after in "\\PC{0,5}") {
        prop_assume!(value.trim().chars().count() >= 4);
        let secrets = secrets(&value);
        let masked = secrets.mask(&format!("{before}{value}{after}")).into_owned();
        prop_assert!(masked.contains(MASK));
        prop_assert!(!masked.contains(value.trim()) || MASK.contains(value.trim()) || value.contains('*'));
    }
}
