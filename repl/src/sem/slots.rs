//! `cla sem slots`: how many may be busy at once.

use std::str::FromStr;

use cla_runtime::semaphore::{SemaphoreName, Slots};

use super::{Failure, JsonArgs, Panel};
use crate::render;

/// Set how many may be busy at once
///
/// What is set here outranks what rules ask for ("pinned"), until `default` lets their number count again.
/// More slots let those who wait in at once, in their order. Fewer do not touch those who are busy. A
/// semaphore that is not there yet is created.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The semaphore
    name: SemaphoreName,
    /// A number; `unlimited` (or `inf`, `∞`); +N or -N: so many more or fewer; `default`
    ///
    /// `+` and `-` alone are +1 and -1. One fewer than 0 is unlimited, one more than unlimited is 0.
    #[arg(value_name = "SLOTS", allow_negative_numbers = true)]
    change: Change,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem slots deploy-target 3
  cla sem slots deploy-target +          one more
  cla sem slots deploy-target 0          lock it: everybody waits, who is busy ends in peace
  cla sem slots deploy-target unlimited  everybody may enter
  cla sem slots deploy-target default    as many as rules ask for";

/// What to do with the number of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    To(Slots),
    Up(u32),
    Down(u32),
    Default,
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "give a number from 0 to {}, unlimited, +N, -N, or default",
                u32::MAX
            )
        };
        let steps = |digits: &str| match digits {
            "" => Ok(1),
            _ if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().map_err(|_| wrong())
            }
            _ => Err(wrong()),
        };
        let text = text.trim();
        if text.eq_ignore_ascii_case("default") {
            Ok(Self::Default)
        } else if let Some(digits) = text.strip_prefix('+') {
            steps(digits).map(Self::Up)
        } else if let Some(digits) = text.strip_prefix(['-', '−']) {
            steps(digits).map(Self::Down)
        } else if text.eq_ignore_ascii_case("inf") {
            Ok(Self::To(Slots::Unlimited))
        } else {
            text.parse().map(Self::To).map_err(|_| wrong())
        }
    }
}

impl Change {
    /// The number of slots that it makes of `slots`; `None` where the code decides.
    fn of(self, slots: Slots) -> Option<Slots> {
        match self {
            Self::To(slots) => Some(slots),
            Self::Default => None,
            Self::Up(0) | Self::Down(0) => Some(slots),
            // The first step is the one that may come from unlimited.
            Self::Up(steps) => Some(match slots.raise() {
                Slots::Limited(first) => Slots::Limited(first.saturating_add(steps - 1)),
                Slots::Unlimited => Slots::Unlimited,
            }),
            Self::Down(steps) => Some(match slots {
                // Below 0 is unlimited, and there it stays.
                Slots::Limited(slots) => slots
                    .checked_sub(steps)
                    .map_or(Slots::Unlimited, Slots::Limited),
                Slots::Unlimited => Slots::Unlimited,
            }),
        }
    }
}

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let name = &args.name;
    let semaphores = &panel.semaphores;
    let slots = match args.change {
        Change::To(slots) => {
            // Setting slots beforehand is as good as a name that was mistyped.
            if semaphores.show(name).await?.is_none()
                && let Some(other) = panel.alike(name).await?
            {
                crate::warn(&format_args!(
                    "\"{name}\" is new; if you meant \"{other}\", forget it: cla sem forget"
                ));
            }
            Some(slots)
        }
        relative => relative.of(panel.view(name).await?.slots),
    };
    match slots {
        Some(slots) => semaphores.set_slots(name, slots).await?,
        None => semaphores.unpin(name).await?,
    }
    if args.json.json {
        return super::print_json(&panel.view(name).await?);
    }
    super::print(&[render::headline(&panel.view(name).await?)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_a_number_a_word_or_a_step() {
        for (text, change) in [
            ("3", Change::To(Slots::Limited(3))),
            ("0", Change::To(Slots::LOCKED)),
            ("unlimited", Change::To(Slots::Unlimited)),
            ("Inf", Change::To(Slots::Unlimited)),
            ("∞", Change::To(Slots::Unlimited)),
            ("+", Change::Up(1)),
            ("+1", Change::Up(1)),
            ("+12", Change::Up(12)),
            ("-", Change::Down(1)),
            ("-1", Change::Down(1)),
            ("−2", Change::Down(2)),
            ("default", Change::Default),
        ] {
            assert_eq!(text.parse(), Ok(change), "{text}");
        }
        for text in [
            "",
            "many",
            "1.5",
            "+-1",
            "--1",
            "++",
            "4294967296",
            "-4294967296",
        ] {
            let error = text.parse::<Change>().unwrap_err();
            assert!(error.contains("unlimited, +N, -N"), "{text}: {error}");
        }
    }

    #[test]
    fn steps_are_those_of_the_arrows() {
        let slots = [0, 1, 2, u32::MAX].map(Slots::Limited);
        for start in slots.into_iter().chain([Slots::Unlimited]) {
            let (mut up, mut down) = (start, start);
            for steps in 1..4 {
                (up, down) = (up.raise(), down.lower());
                assert_eq!(Change::Up(steps).of(start), Some(up), "{start} +{steps}");
                assert_eq!(
                    Change::Down(steps).of(start),
                    Some(down),
                    "{start} -{steps}"
                );
            }
        }
    }
}
