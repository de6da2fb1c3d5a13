//! `tar`, `zip`, `untar` and `unzip`: folders into archives, and out of them.

use std::path::{Path, PathBuf};

use cla_runtime::js::{IntoJs, Value};
use cla_stdlib::internal::archive::{self, ArchiveKind, Packing, Unpacking};
use serde_json::json;

use super::choice::{Patterns, list_of_texts};
use crate::schema::parts::{OpSchema, TEMPLATE, described, map, reference};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

/// The most bytes that come out of an archive, if nothing else is said.
const MOST: u64 = 1 << 30;

pub(super) static TAR: Description = Description {
    name: "tar",
    about: "Puts a folder, or a file, into a tar archive, which is compressed if its name ends in .tgz or .gz. Gives how many \
            files are in it.",
    example: "- tar: {from: dist, to: dist.tgz}\n- tar: {from: dist, to: all.tar, base: app/v1, exclude: ['\\.map$'], time: 2026-01-31 12:00:00}",
    companions: &[],
    schema: || pack_schema(),
    read: Some(read_pack),
};

pub(super) static ZIP: Description = Description {
    name: "zip",
    about: "Puts a folder, or a file, into a zip archive. Gives how many files are in it.",
    example: "- zip: {from: dist, to: dist.zip, include: ['\\.js$']}",
    companions: &[],
    schema: || pack_schema(),
    read: Some(read_pack),
};

pub(super) static UNTAR: Description = Description {
    name: "untar",
    about: "Takes all out of a tar archive, also of a compressed one, into a folder. Gives how many files it made. Nothing \
            leaves the folder.",
    example: "- untar: {from: dist.tgz, to: /srv/app}",
    companions: &[],
    schema: || unpack_schema(),
    read: Some(read_unpack),
};

pub(super) static UNZIP: Description = Description {
    name: "unzip",
    about: "Takes all out of a zip archive, into a folder. Gives how many files it made. Nothing leaves the folder.",
    example: "- unzip: {from: dist.zip, to: /srv/app, most: 5000000}",
    companions: &[],
    schema: || unpack_schema(),
    read: Some(read_unpack),
};

fn pack_schema() -> OpSchema {
    let patterns = |about: &str| described(about, list_of_texts());
    OpSchema::new(map(
        json!({
            "from": described("The folder, or the file.", reference("text")),
            "to": described("The archive. It is made anew, with the folders above it.", reference("text")),
            "base": described("What stands before the names in it: a folder.", reference("text")),
            "include": patterns("Regular expressions: of the files, only those go into it whose path matches one."),
            "exclude": patterns("Regular expressions: what matches one does not go into it."),
            "time": described("The time of all that is in it, in UTC: 2026-01-31 12:00:00, or seconds since 1970.", reference("text")),
        }),
        &["from", "to"],
    ))
}

fn unpack_schema() -> OpSchema {
    OpSchema::new(map(
        json!({
            "from": described("The archive.", reference("text")),
            "to": described("The folder. It is made if need be.", reference("text")),
            "most": {
                "description": "How many bytes all its files may have together.",
                "type": ["integer", "string"],
                "minimum": 0,
                "pattern": TEMPLATE,
                "default": MOST,
            },
        }),
        &["from", "to"],
    ))
}

/// Which archive an op is about.
fn kind(key: &str, path: &str) -> ArchiveKind {
    let is_compressed = Path::new(path)
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("tgz") || end.eq_ignore_ascii_case("gz"));
    match key {
        "zip" | "unzip" => ArchiveKind::Zip,
        _ if is_compressed => ArchiveKind::TarGz,
        _ => ArchiveKind::Tar,
    }
}

/// The name of the op: behind `x =`, the key is that alone.
fn read_pack(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let argument = written.argument;
    let names = ["from", "to", "base", "include", "exclude", "time"];
    let parts = parser.map_parts(argument, &written.key.text, names)?;
    parser.texts(argument, &[], &["base", "time"]);
    let [from, to, base, include, exclude, time] = parts;
    if let Some(Data::Text(template)) = &time
        && let Some(text) = template.literal()
        && seconds(text).is_none()
    {
        parser.problem(argument.at, TIME);
    }
    if let Some(Data::Text(template)) = &base
        && let Some(text) = template.literal()
        && leads_up(text)
    {
        parser.problem(argument.at, BASE);
    }
    let (from, to) = (
        parser.required(argument, "from", from),
        parser.required(argument, "to", to),
    );
    let choice = Patterns::read(parser, argument, include, exclude);
    Some(Box::new(Pack {
        key: written.key.text.clone(),
        from: from?,
        to: to?,
        base,
        choice,
        time,
    }))
}

fn read_unpack(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let argument = written.argument;
    let parts = parser.map_parts(argument, &written.key.text, ["from", "to", "most"])?;
    let [from, to, most] = parts;
    match &most {
        None => {}
        Some(Data::Number(most)) if *most >= 0.0 && most.fract() == 0.0 => {}
        Some(Data::Text(template)) if template.literal().is_none() => {}
        Some(_) => parser.problem(argument.at, MOST_IS),
    }
    let (from, to) = (
        parser.required(argument, "from", from),
        parser.required(argument, "to", to),
    );
    Some(Box::new(Unpack {
        key: written.key.text.clone(),
        from: from?,
        to: to?,
        most,
    }))
}

const TIME: &str = "time is such as 2026-01-31 12:00:00, or seconds since 1970";
const BASE: &str = "base is a folder within the archive, without ..";
const MOST_IS: &str = "most is a whole number of bytes";

fn leads_up(base: &str) -> bool {
    base.split(['/', '\\']).any(|part| part == "..")
}

/// A time in seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    text.trim()
        .parse()
        .ok()
        .or_else(|| cla_stdlib::internal::civil_seconds(text.trim()))
}

#[derive(Debug)]
struct Pack {
    key: String,
    from: Data,
    to: Data,
    base: Option<Data>,
    choice: Patterns,
    time: Option<Data>,
}

impl Action for Pack {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let to = runner.text(&self.to, scope)?;
        let optional = |data: &Option<Data>| match data {
            Some(data) => runner.text(data, scope).map(Some),
            None => Ok(None),
        };
        let base = optional(&self.base)?.unwrap_or_default();
        if leads_up(&base) {
            return Err(runner.throw(BASE));
        }
        let time = match optional(&self.time)? {
            Some(text) => Some(seconds(&text).ok_or_else(|| runner.throw(TIME))?),
            None => None,
        };
        let packing = Packing {
            from: PathBuf::from(runner.text(&self.from, scope)?),
            kind: kind(&self.key, &to),
            to: PathBuf::from(&to),
            base,
            choice: self.choice.choice(runner, scope)?,
            time,
        };
        let run = runner.run();
        let packed = runner.wait(archive::pack(
            run.permissions().clone(),
            packing,
            run.memory_left() / 3,
        ))?;
        let count = runner
            .js(run.permitted_file(runner.ctx(), packed))?
            .map_err(|error| runner.throw(&format!("{to} cannot be made: {error}")))?;
        runner.js((count as f64).into_js(runner.ctx()))
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.parts([Some(&self.from), Some(&self.to), self.base.as_ref()]);
        walk.parts([self.time.as_ref(), None, None]);
        self.choice.check(walk);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.parts([Some(&self.from), Some(&self.to), self.base.as_ref()]))
    }
}

#[derive(Debug)]
struct Unpack {
    key: String,
    from: Data,
    to: Data,
    most: Option<Data>,
}

impl Action for Unpack {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let from = runner.text(&self.from, scope)?;
        let most = match &self.most {
            None => MOST,
            Some(most) => {
                let text = runner.text(most, scope)?;
                text.trim().parse().map_err(|_| runner.throw(MOST_IS))?
            }
        };
        let unpacking = Unpacking {
            from: PathBuf::from(&from),
            to: PathBuf::from(runner.text(&self.to, scope)?),
            kind: kind(&self.key, &from),
            most,
        };
        let run = runner.run();
        let unpacked = runner.wait(archive::unpack(
            run.permissions().clone(),
            unpacking,
            run.memory_left() / 3,
        ))?;
        let count = runner
            .js(run.permitted_file(runner.ctx(), unpacked))?
            .map_err(|error| runner.throw(&error.to_string()))?;
        runner.js((count as f64).into_js(runner.ctx()))
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.parts([Some(&self.from), Some(&self.to), self.most.as_ref()]);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.parts([Some(&self.from), Some(&self.to), None]))
    }
}

#[cfg(test)]
mod tests {
    use super::{kind, leads_up, seconds};
    use cla_stdlib::internal::archive::ArchiveKind;

    #[test]
    fn a_name_says_what_kind_of_archive_it_is() {
        assert_eq!(kind("tar", "a.tar"), ArchiveKind::Tar);
        assert_eq!(kind("tar", "a.tgz"), ArchiveKind::TarGz);
        assert_eq!(kind("tar", "a.tar.GZ"), ArchiveKind::TarGz);
        assert_eq!(kind("zip", "a.gz"), ArchiveKind::Zip);
    }

    #[test]
    fn a_time_is_civil_or_a_number() {
        assert_eq!(seconds("1970-01-02 00:00:01"), Some(86_401));
        assert_eq!(seconds("1970-01-02T00:00:01"), Some(86_401));
        assert_eq!(seconds("86401"), Some(86_401));
        assert_eq!(seconds("yesterday"), None);
    }

    #[test]
    fn a_base_goes_down_only() {
        assert!(leads_up("..") && leads_up("a/../b") && leads_up("a\\.."));
        assert!(!leads_up("/a/b..c/"));
    }
}
