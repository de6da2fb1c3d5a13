//! Code that administrators keep by name, in the file of the history.

use rusqlite::{OptionalExtension as _, params};
use serde::Serialize;

use super::{RunError, Runs, now};

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

/// A snippet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Snippet {
    pub(crate) name: String,
    pub(crate) code: String,
    /// Who saved it last.
    pub(crate) by: String,
    pub(crate) saved_at: f64,
}

/// Whether a snippet may have this name: as at `cla repl`.
pub(crate) fn is_snippet_name(name: &str) -> bool {
    name.starts_with(char::is_alphabetic)
        && name.chars().count() <= LONGEST_NAME
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

impl Runs {
    /// All snippets, by name.
    pub(crate) async fn snippets(&self) -> Result<Vec<Snippet>, RunError> {
        let text = "select name, code, by, saved_at from snippets order by name";
        self.history
            .read(move |connection| {
                let mut statement = connection.prepare_cached(text)?;
                let rows = statement.query_map([], |row| {
                    Ok(Snippet {
                        name: row.get(0)?,
                        code: row.get(1)?,
                        by: row.get(2)?,
                        saved_at: row.get(3)?,
                    })
                })?;
                rows.collect()
            })
            .await
    }

    /// Keeps one, in place of one of the same name. At most `most` are kept: gives `false` if this would be one more.
    pub(crate) async fn save_snippet(
        &self,
        name: String,
        code: String,
        by: String,
        most: usize,
    ) -> Result<bool, RunError> {
        self.history
            .read(move |connection| {
                let known = "select 1 from snippets where name = ?1";
                let is_known = connection.query_row(known, [&name], |_| Ok(())).optional()?;
                let count: i64 =
                    connection.query_row("select count(*) from snippets", [], |row| row.get(0))?;
                if is_known.is_none() && usize::try_from(count).unwrap_or(usize::MAX) >= most {
                    return Ok(false);
                }
                connection.execute(
                    "insert or replace into snippets (name, code, by, saved_at) values (?1, ?2, ?3, ?4)",
                    params![name, code, by, now()],
                )?;
                Ok(true)
            })
            .await
    }

    /// Forgets one; `false` if there was none.
    pub(crate) async fn delete_snippet(&self, name: String) -> Result<bool, RunError> {
        self.history
            .read(move |connection| {
                let count = connection.execute("delete from snippets where name = ?1", [name])?;
                Ok(count > 0)
            })
            .await
    }
}
