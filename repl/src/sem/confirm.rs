//! Asks before the work of others is put at risk.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use super::Failure;

/// `--yes`, as commands have it that put the work of others at risk.
#[derive(Debug, clap::Args)]
pub(super) struct YesArgs {
    /// Do it without asking; needed where there is no terminal to ask at
    #[arg(long, short)]
    yes: bool,
}

impl YesArgs {
    /// Refuses to go on where there is no one to ask. Call it before anything is done.
    pub(super) fn askable(&self) -> Result<(), Failure> {
        if self.yes || io::stdin().is_terminal() {
            return Ok(());
        }
        Err(Failure::Usage(
            "standard input is no terminal to ask at: give --yes to do it without asking"
                .to_owned(),
        ))
    }

    /// Asks on standard error, unless `--yes` has answered.
    pub(super) fn confirm(&self, question: &dyn Display) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        anstream::eprint!("{question} [y/N] ");
        io::stderr().flush()?;
        let mut answer = String::new();
        if io::stdin().read_line(&mut answer)? == 0 {
            // The end of the input leaves the cursor behind the question.
            anstream::eprintln!();
        }
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::Refused("nothing was done".to_owned())),
        }
    }
}
