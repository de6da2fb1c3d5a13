//! `cla sem move`: changes a request's place in line.

use std::str::FromStr;

use super::{Failure, JsonArgs, Panel};

/// Move a waiting request to another place in line
///
/// It is then served with those around it, whatever its priority.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The request: its id, or the beginning of it
    #[arg(value_parser = super::id_prefix)]
    id: String,
    /// A number, 1 is next; or `up`, `down`, `first`, `last`
    place: Place,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem move 3f2a first
  cla sem move 3f2a down
  cla sem move 3f2a 5";

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    At(usize),
    Up,
    Down,
    Last,
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            "first" => Ok(Self::At(1)),
            "last" => Ok(Self::Last),
            digits => match digits.parse() {
                Ok(0) => Err("places count from 1, which is next"),
                Ok(place) => Ok(Self::At(place)),
                Err(_) => Err("give a number from 1, up, down, first, or last"),
            },
        }
    }
}

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let found = panel.locate(&args.id).await?;
    // One that does not wait has no place; the store will say so.
    let from = found.request.place.unwrap_or(1);
    let last = found.view.waiting.max(1);
    let to = match args.place {
        Place::At(place) => place.min(last),
        Place::Up => from.saturating_sub(1).max(1),
        Place::Down => from.saturating_add(1).min(last),
        Place::Last => last,
    };
    panel.semaphores.move_to(found.request.id, to).await?;
    let done = format!(
        "moved {found} from place {from} to {to} in the line for \"{}\"",
        found.name()
    );
    panel.conclude(found.name(), &args.json, &done).await
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_a_number_from_1_or_a_word() {
        assert_eq!("1".parse(), Ok(Place::At(1)));
        assert_eq!("First".parse(), Ok(Place::At(1)));
        assert_eq!("up".parse(), Ok(Place::Up));
        assert_eq!("down".parse(), Ok(Place::Down));
        assert_eq!("last".parse(), Ok(Place::Last));
        assert!("0".parse::<Place>().unwrap_err().contains("from 1"));
        assert!("-1".parse::<Place>().is_err());
        assert!("middle".parse::<Place>().unwrap_err().contains("up, down"));
    }
}
