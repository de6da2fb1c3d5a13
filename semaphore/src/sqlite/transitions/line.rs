//! Places in a line, found without a walk through the line (rule 11: no operation costs more than `O(log n)`).
//!
//! # The decision
//!
//! The table of requests has an index in the order of the line. It finds the first request at once, but SQLite cannot
//! count in an index: "the request at place 5,000" reads 5,000 rows. So a long line is cut into *sections*, and each has
//! the number of requests in it. A section of level 1 has some 128 requests, one of level 2 has some 128 sections of level 1:
//! a counted B-tree, of which the requests are the leaves. To find a place, the sections of the highest level are added up
//! to the one in which it is, then those of the level below in that one, and then the requests of one section.
//!
//! A line of up to 256 requests has no sections, and pays nothing for them. Level `k` begins when a line gets longer than
//! `2 * 128^k`, and goes when there are only `128^k` left. The gap between the two is why a line that grows and shrinks around
//! a limit does not make and drop the level again and again.
//!
//! Triggers keep the counts (`upgrade_7.sql`). This file splits sections that have become too large, and merges those that
//! have become too small. Both cost no more than a walk through one section, once in some hundred operations.

#[cfg(test)]
mod tests;

use rusqlite::{OptionalExtension, Row, params};

use super::Transition;
use super::rows::{RequestRow, Semaphore};
use crate::sqlite::problem::Problem;

/// The triggers know so many levels. In a line of a million requests, level 2 has about a hundred sections, which are read one
/// by one.
const LEVELS: i64 = 2;

/// How many requests a section of level 1 has, and how many sections one of level 2: half to twice as many. Large enough that
/// usual lines have no sections at all, small enough that to read a whole one costs no more than a few transactions.
#[cfg(not(test))]
const fn fanout() -> i64 {
    128
}

/// Tests choose it, so that short lines have sections.
#[cfg(test)]
fn fanout() -> i64 {
    tests::FANOUT.get()
}

/// How many requests a section of that level should have.
fn size(level: i64) -> i64 {
    fanout().pow(u32::try_from(level).unwrap_or(0))
}

/// Where a request stands in the line. The order of this type is that of the line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// The class, negated: higher classes come first.
    rank: i64,
    place: Vec<u8>,
}

impl Spot {
    /// Before every request.
    const FIRST: Self = Self {
        rank: i64::MIN,
        place: Vec::new(),
    };

    pub(super) fn of(row: &RequestRow) -> Self {
        Self {
            rank: -i64::from(row.class),
            place: row.place.clone(),
        }
    }

    /// The class and the order key of the request that stands here.
    pub(super) fn into_place(self) -> (i32, Vec<u8>) {
        (i32::try_from(-self.rank).unwrap_or(i32::MAX), self.place)
    }

    /// The first value for a query by class.
    fn class(&self) -> i64 {
        self.rank.saturating_neg()
    }

    fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            rank: row.get(at)?,
            place: row.get(at + 1)?,
        })
    }
}

struct Section {
    id: i64,
    start: Spot,
    waiting: i64,
}

impl Section {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            start: Spot::read(row, 1)?,
            waiting: row.get(3)?,
        })
    }
}

impl Transition<'_> {
    /// How many requests stand before that spot.
    pub(super) fn ahead_of(&self, semaphore: i64, spot: &Spot) -> Result<usize, Problem> {
        let mut ahead = 0;
        let mut from = Spot::FIRST;
        for level in (1..=self.levels(semaphore)?).rev() {
            let Some(section) = self.section_at(semaphore, level, spot)? else {
                continue;
            };
            ahead += self
                .db
                .prepare_cached(
                    "SELECT coalesce(sum(waiting), 0) FROM line_section WHERE semaphore = ?1 AND level = ?2
                         AND (rank, place) >= (?3, ?4) AND (rank, place) < (?5, ?6)",
                )?
                .query_row(
                    params![semaphore, level, from.rank, from.place, section.start.rank, section.start.place],
                    |row| row.get::<_, i64>(0),
                )?;
            from = section.start;
        }
        self.walk(semaphore, 0, &from, |at, count| {
            let is_ahead = at < *spot;
            ahead += if is_ahead { count } else { 0 };
            is_ahead
        })?;
        Ok(usize::try_from(ahead).unwrap_or(0))
    }

    /// Where the request stands that has `ahead` others before it; `None`: the line is shorter.
    pub(super) fn behind(&self, semaphore: i64, ahead: usize) -> Result<Option<Spot>, Problem> {
        let mut left = i64::try_from(ahead).unwrap_or(i64::MAX);
        let mut from = Spot::FIRST;
        for level in (0..=self.levels(semaphore)?).rev() {
            let mut found = None;
            self.walk(semaphore, level, &from, |at, count| {
                if left < count {
                    found = Some(at);
                    return false;
                }
                left -= count;
                true
            })?;
            let Some(found) = found else {
                return Ok(None);
            };
            from = found;
        }
        Ok(Some(from))
    }

    /// A request has joined the line at that spot: sections that are too large now are split.
    pub(super) fn line_grew(&self, semaphore: &Semaphore, spot: &Spot) -> Result<(), Problem> {
        let waiting = semaphore.waiting as i64;
        // From the lower level up: a section is cut where one of the level below begins.
        for level in 1..=LEVELS {
            if waiting <= 2 * size(level) {
                break;
            }
            let section = match self.section_at(semaphore.id, level, spot)? {
                Some(section) => section,
                None => self.add_section(semaphore.id, level, Spot::FIRST, waiting)?,
            };
            self.split(semaphore.id, level, section)?;
        }
        Ok(())
    }

    /// A request has left the line at that spot: sections that are too small now are merged.
    pub(super) fn line_shrank(&self, semaphore: &Semaphore, spot: &Spot) -> Result<(), Problem> {
        let waiting = semaphore.waiting as i64;
        // From the higher level down: where two sections become one, those of the level below may, too.
        for level in (1..=LEVELS).rev() {
            if waiting == size(level) {
                self.db
                    .prepare_cached(
                        "DELETE FROM line_section WHERE semaphore = ?1 AND level >= ?2",
                    )?
                    .execute([semaphore.id, level])?;
            } else if waiting > size(level) {
                self.merge(semaphore.id, level, spot)?;
            }
        }
        Ok(())
    }

    /// Cuts a section into several if it is too large.
    fn split(&self, semaphore: i64, level: i64, section: Section) -> Result<(), Problem> {
        if section.waiting <= 2 * size(level) {
            return Ok(());
        }
        let end = self.section_after(semaphore, level, &section.start)?;
        // Usually two. Many when the line became long before there were sections.
        let parts = section.waiting / size(level);
        let enough = (section.waiting + parts - 1) / parts;
        let mut cut = vec![(section.start, 0)];
        self.walk(semaphore, level - 1, &cut[0].0.clone(), |at, count| {
            if end.as_ref().is_some_and(|end| at >= end.start) {
                return false;
            }
            match cut.last_mut() {
                Some((_, waiting)) if *waiting < enough => *waiting += count,
                _ => cut.push((at, count)),
            }
            true
        })?;
        let mut cut = cut.into_iter();
        if let Some((_, waiting)) = cut.next() {
            self.set_waiting(section.id, waiting)?;
        }
        for (start, waiting) in cut {
            self.add_section(semaphore, level, start, waiting)?;
        }
        Ok(())
    }

    /// Joins the section at that spot with one beside it if it is too small.
    ///
    /// A section with less than half of its size has only neighbours with which it would be too large, or ones of another
    /// section of the level above. So there are never many more sections than the line needs.
    fn merge(&self, semaphore: i64, level: i64, spot: &Spot) -> Result<(), Problem> {
        let Some(section) = self.section_at(semaphore, level, spot)? else {
            return Ok(());
        };
        if section.waiting >= size(level) / 2 {
            return Ok(());
        }
        let before = self.section_before(semaphore, level, &section.start)?;
        let after = self.section_after(semaphore, level, &section.start)?;
        let pairs = [
            (before.as_ref(), Some(&section)),
            (Some(&section), after.as_ref()),
        ];
        for (one, other) in pairs {
            let (Some(one), Some(other)) = (one, other) else {
                continue;
            };
            let waiting = one.waiting + other.waiting;
            // Not up to the size at which they would be split: it would soon be reached again.
            if waiting <= size(level) * 3 / 2
                && !self.has_section(semaphore, level + 1, &other.start)?
            {
                self.set_waiting(one.id, waiting)?;
                self.db
                    .prepare_cached("DELETE FROM line_section WHERE id = ?1")?
                    .execute([other.id])?;
                return Ok(());
            }
        }
        Ok(())
    }

    /// The highest level of the line's sections; 0: there are none.
    fn levels(&self, semaphore: i64) -> Result<i64, Problem> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT coalesce(max(level), 0) FROM line_section WHERE semaphore = ?1",
            )?
            .query_row([semaphore], |row| row.get(0))?)
    }

    /// Goes along the line from a spot: through sections, or at level 0 through requests, each with the number of requests
    /// in it. Ends when `each` says so.
    fn walk(
        &self,
        semaphore: i64,
        level: i64,
        from: &Spot,
        mut each: impl FnMut(Spot, i64) -> bool,
    ) -> Result<(), Problem> {
        if level > 0 {
            let mut sections = self.db.prepare_cached(
                "SELECT rank, place, waiting FROM line_section WHERE semaphore = ?1 AND level = ?2
                     AND (rank, place) >= (?3, ?4) ORDER BY rank, place",
            )?;
            let mut rows = sections.query(params![semaphore, level, from.rank, from.place])?;
            while let Some(row) = rows.next()? {
                if !each(Spot::read(row, 0)?, row.get(2)?) {
                    break;
                }
            }
            return Ok(());
        }
        // In two steps, the class of the spot and then those behind it: the index of the line has the class in falling
        // and the place in rising order, and for such a one SQLite would not seek to both of them together.
        let mut rest_of_class = self.db.prepare_cached(
            "SELECT -class, place FROM request WHERE semaphore = ?1 AND phase = 0 AND class = ?2 AND place >= ?3
             ORDER BY place",
        )?;
        let mut rows = rest_of_class.query(params![semaphore, from.class(), from.place])?;
        while let Some(row) = rows.next()? {
            if !each(Spot::read(row, 0)?, 1) {
                return Ok(());
            }
        }
        let mut other_classes = self.db.prepare_cached(
            "SELECT -class, place FROM request WHERE semaphore = ?1 AND phase = 0 AND class < ?2
             ORDER BY class DESC, place",
        )?;
        let mut rows = other_classes.query(params![semaphore, from.class()])?;
        while let Some(row) = rows.next()? {
            if !each(Spot::read(row, 0)?, 1) {
                break;
            }
        }
        Ok(())
    }

    // ---- single sections

    /// The section of that level in which the spot is.
    fn section_at(
        &self,
        semaphore: i64,
        level: i64,
        spot: &Spot,
    ) -> Result<Option<Section>, Problem> {
        self.section(
            "SELECT id, rank, place, waiting FROM line_section WHERE semaphore = ?1 AND level = ?2
                 AND (rank, place) <= (?3, ?4) ORDER BY rank DESC, place DESC LIMIT 1",
            (semaphore, level, spot),
        )
    }

    fn section_before(
        &self,
        semaphore: i64,
        level: i64,
        start: &Spot,
    ) -> Result<Option<Section>, Problem> {
        self.section(
            "SELECT id, rank, place, waiting FROM line_section WHERE semaphore = ?1 AND level = ?2
                 AND (rank, place) < (?3, ?4) ORDER BY rank DESC, place DESC LIMIT 1",
            (semaphore, level, start),
        )
    }

    fn section_after(
        &self,
        semaphore: i64,
        level: i64,
        start: &Spot,
    ) -> Result<Option<Section>, Problem> {
        self.section(
            "SELECT id, rank, place, waiting FROM line_section WHERE semaphore = ?1 AND level = ?2
                 AND (rank, place) > (?3, ?4) ORDER BY rank, place LIMIT 1",
            (semaphore, level, start),
        )
    }

    fn section(
        &self,
        sql: &str,
        (semaphore, level, spot): (i64, i64, &Spot),
    ) -> Result<Option<Section>, Problem> {
        Ok(self
            .db
            .prepare_cached(sql)?
            .query_row(
                params![semaphore, level, spot.rank, spot.place],
                Section::read,
            )
            .optional()?)
    }

    /// Whether a section of that level starts at that spot.
    fn has_section(&self, semaphore: i64, level: i64, start: &Spot) -> Result<bool, Problem> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM line_section WHERE semaphore = ?1 AND level = ?2 AND rank = ?3
                     AND place = ?4)",
            )?
            .query_row(params![semaphore, level, start.rank, start.place], |row| row.get(0))?)
    }

    fn add_section(
        &self,
        semaphore: i64,
        level: i64,
        start: Spot,
        waiting: i64,
    ) -> Result<Section, Problem> {
        self.db
            .prepare_cached(
                "INSERT INTO line_section (semaphore, level, rank, place, waiting) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![semaphore, level, start.rank, start.place, waiting])?;
        Ok(Section {
            id: self.db.last_insert_rowid(),
            start,
            waiting,
        })
    }

    fn set_waiting(&self, section: i64, waiting: i64) -> Result<(), Problem> {
        self.db
            .prepare_cached("UPDATE line_section SET waiting = ?2 WHERE id = ?1")?
            .execute([section, waiting])?;
        Ok(())
    }
}
