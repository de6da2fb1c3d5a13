//! How names, ids and numbers of slots look in the tables. Their types belong to another crate, so a statement takes them in
//! a [`Db`], and [`Columns`] reads them from a row.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use super::clock::Moment;
use crate::actor::{Actor, ActorText as _};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::slot::SlotId;
use crate::slots::Slots;

/// A value that a column can hold.
pub(super) trait Column: Sized {
    /// As the column holds it.
    fn write(&self) -> ToSqlOutput<'_>;
    /// Reads what [`write`](Self::write) wrote.
    fn read(value: ValueRef<'_>) -> FromSqlResult<Self>;
}

/// A reference to a value, or to one that may be absent, as a parameter of a statement.
pub(super) struct Db<T>(pub(super) T);

impl<T: Column> ToSql for Db<&T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.write())
    }
}

impl<T: Column> ToSql for Db<Option<&T>> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self
            .0
            .map_or_else(|| rusqlite::types::Null.into(), Column::write))
    }
}

/// A value that was read from a row.
struct Read<T>(T);

impl<T: Column> FromSql for Read<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        T::read(value).map(Self)
    }
}

/// Reads values from a row.
pub(super) trait Columns {
    /// The value in a column.
    fn value<T: Column>(&self, at: usize) -> rusqlite::Result<T>;
    /// The value in a column; `None` for `NULL`.
    fn optional_value<T: Column>(&self, at: usize) -> rusqlite::Result<Option<T>>;
}

impl Columns for Row<'_> {
    fn value<T: Column>(&self, at: usize) -> rusqlite::Result<T> {
        self.get::<_, Read<T>>(at).map(|Read(value)| value)
    }

    fn optional_value<T: Column>(&self, at: usize) -> rusqlite::Result<Option<T>> {
        let value = self.get::<_, Option<Read<T>>>(at)?;
        Ok(value.map(|Read(value)| value))
    }
}

impl Column for Slots {
    fn write(&self) -> ToSqlOutput<'_> {
        match self {
            Self::Limited(slots) => i64::from(*slots),
            Self::Unlimited => -1,
        }
        .into()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(u32::try_from(value.as_i64()?).map_or(Self::Unlimited, Self::Limited))
    }
}

impl Column for SemaphoreName {
    fn write(&self) -> ToSqlOutput<'_> {
        self.as_str().into()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::new(value.as_str()?).map_err(|error| FromSqlError::Other(error.into()))
    }
}

impl Column for SlotId {
    fn write(&self) -> ToSqlOutput<'_> {
        self.as_str().into()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::new(value.as_str()?).map_err(|error| FromSqlError::Other(error.into()))
    }
}

impl Column for Actor {
    fn write(&self) -> ToSqlOutput<'_> {
        self.to_text().into()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_text(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

macro_rules! id_in_a_column {
    ($id:ident) => {
        impl Column for $id {
            fn write(&self) -> ToSqlOutput<'_> {
                self.as_u128().to_be_bytes().to_vec().into()
            }

            fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; 16]>::column_result(value)
                    .map(|bytes| Self::from_u128(u128::from_be_bytes(bytes)))
            }
        }
    };
}

id_in_a_column!(RequestId);
id_in_a_column!(RunId);

impl ToSql for Moment {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Moment {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}
