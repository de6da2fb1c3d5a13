//! One measured number, and how people see it.

use anyhow::{Context, Result};
use serde_json::Value;

/// A number with its unit: `ns`, `B` or `/s`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) value: f64,
    pub(super) unit: String,
}

impl Sample {
    /// As `cla-bench` and `peers.js` print it.
    pub(super) fn parse(printed: &str) -> Result<Self> {
        let sample: Value = serde_json::from_str(printed.trim())?;
        Ok(Self {
            value: sample["value"].as_f64().context("no `value`")?,
            unit: sample["unit"].as_str().context("no `unit`")?.to_owned(),
        })
    }

    pub(super) fn show(&self) -> String {
        match self.unit.as_str() {
            "ns" => scaled(self.value, &[(1e3, "ns"), (1e3, "µs"), (1e3, "ms")], "s"),
            "B" => scaled(self.value, &[(1e3, "B"), (1e3, "KB")], "MB"),
            "/s" => scaled(self.value, &[(1e3, "/s"), (1e3, "k/s")], "M/s"),
            unit => format!("{:.1} {unit}", self.value),
        }
    }
}

/// `value` in the largest of the steps that leaves at least one digit before the point.
fn scaled(mut value: f64, steps: &[(f64, &str)], last: &str) -> String {
    let mut name = last;
    for (factor, unit) in steps {
        if value < *factor {
            name = unit;
            break;
        }
        value /= factor;
    }
    let digits = if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    };
    format!("{value:.digits$} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_the_unit_that_fits() {
        let show = |value, unit: &str| {
            Sample {
                value,
                unit: unit.to_owned(),
            }
            .show()
        };
        assert_eq!(show(257.4, "ns"), "257 ns");
        assert_eq!(show(4_120.0, "ns"), "4.12 µs");
        assert_eq!(show(41_200_000.0, "ns"), "41.2 ms");
        assert_eq!(show(165_000.0, "B"), "165 KB");
        assert_eq!(show(3_400_000.0, "/s"), "3.40 M/s");
    }
}
