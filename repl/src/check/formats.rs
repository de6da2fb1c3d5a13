//! How findings are written for programs: as annotations of GitHub, and as SARIF 2.1.0.

use cla_runtime::check::{Finding, RULES, Severity};
use serde_json::{Value, json};

/// Where the page of a rule is, seen from the repository.
pub(super) fn page(rule: &str) -> String {
    format!("docs/check/{rule}.md")
}

/// One line per finding, which a workflow of GitHub shows beside the source.
pub(super) fn github(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut properties = vec![format!("title={}", property(&finding.rule))];
        if let Some(at) = &finding.error.location {
            properties.insert(0, format!("file={}", property(&at.file)));
            properties.insert(1, format!("line={}", at.line));
            properties.insert(2, format!("col={}", at.column));
        }
        text.push_str(&format!(
            "::{command} {}::{}\n",
            properties.join(","),
            data(&said(finding))
        ));
    }
    text
}

fn said(finding: &Finding) -> String {
    let error = &finding.error;
    match &error.help {
        Some(help) => format!("{}; {help}", error.message),
        None => error.message.clone(),
    }
}

/// The text of a command of a workflow.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property of one.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// All findings as a log of SARIF.
pub(super) fn sarif(findings: &[Finding]) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| json!({"id": rule, "helpUri": page(rule)}))
        .collect();
    let results: Vec<Value> = findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "cla", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level,
        "message": {"text": said(finding)},
    });
    if let Some(rule) = RULES.iter().position(|rule| *rule == finding.rule) {
        result["ruleIndex"] = json!(rule);
    }
    if let Some(at) = &finding.error.location {
        result["locations"] = json!([{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&at.file)},
                "region": {"startLine": at.line, "startColumn": at.column},
            },
        }]);
    }
    result
}

/// A path as a relative reference, or as a `file:` URI.
fn uri(file: &str) -> String {
    let file = file.replace('\\', "/");
    let encoded: String = file
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    match encoded.starts_with('/') {
        true => format!("file://{encoded}"),
        false => encoded,
    }
}

#[cfg(test)]
mod tests {
    use super::{data, property, uri};

    #[test]
    fn what_would_end_a_command_or_a_path_is_encoded() {
        assert_eq!(data("50%\r\na: b, c"), "50%25%0D%0Aa: b, c");
        assert_eq!(property("a: b, c\n"), "a%3A b%2C c%0A");
        assert_eq!(uri("rules/my rule ä.js"), "rules/my%20rule%20%C3%A4.js");
        assert_eq!(uri("/srv/a.yml"), "file:///srv/a.yml");
    }
}
