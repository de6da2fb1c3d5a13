//! The pages of Clarive's documentation of rulebooks, and what becomes of their code blocks here.
//!
//! The rulebooks are our own: each uses what the blocks use, and prints what the page says that comes of it. They find an empty
//! folder in `dir`. What the blocks do to servers and packages, a line that is printed stands for.

use super::pages::Missing;

/// A page.
pub(crate) struct BookPage {
    /// What it is about.
    pub(crate) name: &'static str,
    /// How many code blocks it has.
    pub(crate) blocks: usize,
    pub(crate) runs: &'static [BookCase],
    pub(crate) not: &'static [Missing],
}

/// Blocks that run.
#[derive(Clone, Copy)]
pub(crate) struct BookCase {
    /// Their numbers on the page, from 1.
    pub(crate) blocks: &'static [usize],
    pub(crate) book: &'static str,
    pub(crate) prints: &'static str,
    /// The event that it is run for.
    pub(crate) event: Option<&'static str>,
    /// A variable that the event brings.
    pub(crate) given: Option<(&'static str, &'static str)>,
    /// Files in the folder, executable ones begin with `#!`.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// The error that the run ends with.
    pub(crate) fails: Option<&'static str>,
}

const fn runs(blocks: &'static [usize], book: &'static str, prints: &'static str) -> BookCase {
    BookCase {
        blocks,
        book,
        prints,
        event: None,
        given: None,
        files: &[],
        fails: None,
    }
}

impl BookCase {
    const fn on(self, event: &'static str) -> Self {
        Self {
            event: Some(event),
            ..self
        }
    }

    const fn given(self, name: &'static str, value: &'static str) -> Self {
        Self {
            given: Some((name, value)),
            ..self
        }
    }

    const fn with(self, files: &'static [(&'static str, &'static str)]) -> Self {
        Self { files, ..self }
    }

    const fn fails(self, error: &'static str) -> Self {
        Self {
            fails: Some(error),
            ..self
        }
    }
}

const fn not(blocks: std::ops::RangeInclusive<usize>, why: &'static str) -> Missing {
    Missing { blocks, why }
}

const TOPICS: &str = "topics, projects and mails of Clarive's database";
const CONTEXT: &str = "what Clarive's `ctx` tells, an event brings in the stash here";
const IMAGES: &str =
    "commands run on this machine, in no image: `shell: {run: [docker, run, ...]}`";
const SHIP: &str = "no files are sent to other machines: `shell: {run: [scp, ...]}`";
const ITSELF: &str = "the page's own mistake";
const STDERR: &str =
    "what a command writes to the standard error is in `error`, and not in `output`";
const WORKSPACE: &str = "workspaces and images of Clarive";

/// A program that gives back what it was asked for.
const ASKED: (&str, &str) = (
    "ops/hello.py",
    "#!/bin/sh\nread line\necho \"hello from the module\"\necho \"{\\\"$CLARIVE_RETURN\\\": {\\\"asked\\\": $line}}\"\n",
);

/// All of them.
pub(crate) const BOOK_PAGES: &[BookPage] = &[
    BookPage {
        name: "the context",
        blocks: 4,
        runs: &[],
        not: &[not(1..=4, CONTEXT)],
    },
    BookPage {
        name: "the cookbook",
        blocks: 33,
        runs: &[
            runs(&[1], "do:\n  - echo: good morning\n", "good morning\n"),
            runs(
                &[2],
                "do:\n   # two lines\n   - print: one\n   - print: two    # the second\n",
                "one\ntwo\n",
            ),
            runs(
                &[3],
                "vars:\n   who: Ada\ndo:\n   - echo: dear ${who}\n",
                "dear Ada\n",
            ),
            runs(
                &[4],
                "vars:\n   - sizes:\n       - 1\n       - 2\ndo:\n   - foreach:\n       var: size\n       in: ${sizes}\n       do:\n          - echo: size ${size}\n",
                "size 1\nsize 2\n",
            ),
            runs(
                &[11],
                "import:\n   - ./parts/names.yml\ndo:\n   - name: it\n     say: Ada\n",
                "I say Ada\n",
            )
            .with(&[("parts/names.yml", "def:\n  say (who):\n    - echo: I say ${who}\n")]),
            runs(
                &[12],
                "do:\n   - names =:\n       - a\n       - b\n   - echo: |-\n        {{ names.map( function(name){ return `<i>${name}</i>` }).join('+') }}\n",
                "<i>a</i>+<i>b</i>\n",
            ),
            runs(
                &[13],
                "do:\n   - names =:\n       - a\n       - b\n   - echo: |-\n        {{\n            \"use transpiler(babel)\";\n            names.map( ( name ) => `<i>${name}</i>` ).join('+')\n        }}\n",
                "<i>a</i>+<i>b</i>\n",
            ),
            runs(
                &[14],
                "do: |\n   \"use transpiler(babel)\";\n\n   class Maker {\n       make(x) {\n           return `it is ${x}`\n       }\n   }\n\n   let maker = new Maker();\n   print( maker.make( 7 ) );\n",
                "it is 7\n",
            ),
            runs(
                &[16, 17],
                "do:\n   - zip: {from: '${dir}/in', to: '${dir}/a.zip', base: /}\n   - zip: {from: '${dir}/in', to: '${dir}/b.zip', base: v1/this/dir}\n   - unzip: {from: '${dir}/a.zip', to: '${dir}/out'}\n   - n = unzip: {from: '${dir}/b.zip', to: '${dir}/out'}\n   - shell: {cmd: 'find . -type f | sort', cwd: '${dir}/out'}\n   - echo: ${n}\n",
                "./sub/b.txt\n./v1/this/dir/sub/b.txt\n1\n",
            )
            .with(&[("in/sub/b.txt", "b")]),
            runs(
                &[18],
                "do:\n   - zip:\n       from: ${dir}/in\n       to: ${dir}/a.zip\n       time: 2012-10-11 22:01:00\n   - zip: {from: '${dir}/in', to: '${dir}/b.zip', time: 2012-10-11 22:01:00}\n   - cmp ${dir}/a.zip ${dir}/b.zip && echo same\n",
                "same\n",
            )
            .with(&[("in/a.txt", "a")]),
            runs(
                &[19],
                "do:\n   - tar:\n       from: ${dir}/in/\n       to: ${dir}/my.tar\n       base: /prefix\n       time: \"2017-09-18 10:22:10\"\n   - TZ=UTC tar -tvf ${dir}/my.tar | grep -o '2017-09-18 10:22.*'\n",
                "2017-09-18 10:22 prefix/a.txt\n",
            )
            .with(&[("in/a.txt", "a")]),
            runs(
                &[20],
                "do:\n   - tar:\n       from: ${dir}/in\n       to: ${dir}/my.tar\n       include:\n          - file-\n       exclude:\n          - \\.txt\n   - tar -tf ${dir}/my.tar\n",
                "file-1.js\n",
            )
            .with(&[
                ("in/file-1.js", "a"),
                ("in/file-2.txt", "b"),
                ("in/other.js", "c"),
            ]),
            runs(
                &[21, 22],
                "do:\n   - parse_file:\n        file: ${dir}/a.xml\n        type: xml\n        returning: it\n   - print: \"so: ${it.xml.note}\"\n",
                "so: good morning\n",
            )
            .with(&[("a.xml", "<xml>\n  <note>\n      good morning\n  </note>\n</xml>\n")]),
            runs(
                &[23],
                "do:\n   - parse_file:\n        file: ${dir}/a.xml\n        type: xml\n        options:\n           KeepRoot: 1\n        returning: it\n   - print: \"so: ${it.note}\"\n",
                "so: good morning\n",
            )
            .with(&[("a.xml", "<xml><note>good morning</note></xml>\n")]),
            runs(
                &[24],
                "do:\n   - parse_file:\n        file: ${dir}/a.yml\n        type: yaml\n        returning: it\n   - print: \"the ${it.sizes[1]} reasons\"\n",
                "the 13 reasons\n",
            )
            .with(&[("a.yml", "aa: 10\nsizes:\n   - 12\n   - 13\n")]),
            runs(
                &[26, 27],
                "do:\n   - parse_file:\n        file: ${dir}/a.ini\n        type: ini\n        returning: it\n   - echo: log ${it.log}, folder ${it.temporary.folder}\n",
                "log /long/file.log, folder /tmp\n",
            )
            .with(&[("a.ini", "log=/long/file.log\n[temporary]\nfolder=/tmp\nport=8787\n")]),
            runs(
                &[28, 29],
                "do:\n   - parse_file:\n        file: ${dir}/a.properties\n        type: properties\n        returning: it\n   - echo: ${it.greeting}\n   - echo: ${it.path}\n   - echo: \"{{ it['a key'] + it.tab + '|' }}\"\n",
                "Good morning\nc:\\wiki\nx\t|\n",
            )
            .with(&[(
                "a.properties",
                "# a comment\n! another\ngreeting = Good \\\n      morning\na\\ key = x\ntab : \\u0009\npath=c:\\\\wiki\n",
            )]),
            runs(
                &[30, 31],
                "do:\n   - parse:\n        file: ${dir}/a.json\n        type: json\n        returning: it\n   - echo: \"it is ${it.list[0].on}\"\n",
                "it is true\n",
            )
            .with(&[("a.json", "{ \"list\": [ { \"on\": true } ] }\n")]),
            runs(
                &[32],
                "vars:\n   - json: |\n        { \"list\": [ { \"on\": true } ] }\n   - xml: |\n        <xml>\n           <one name=\"fair\" />\n        </xml>\ndo:\n   - parse:\n        body: ${json}\n        type: json\n        returning: a\n   - parse:\n        body: ${xml}\n        type: xml\n        returning: b\n   - echo: \"it is ${a.list[0].on} and ${b.xml.one.name}\"\n",
                "it is true and fair\n",
            ),
            runs(
                &[33],
                "do:\n   - write_file:\n       file: ${dir}/sub/a.txt\n       body: it=$${fruit}\n\n   - fruit =: pear\n\n   - sed:\n       path: ${dir}/sub/\n   - it = parse:\n       file: ${dir}/sub/a.txt\n\n   - echo: ${it}\n",
                "it=pear\n",
            ),
        ],
        not: &[
            not(5..=5, TOPICS),
            not(6..=6, "`request` is `http` here"),
            not(7..=10, SHIP),
            not(15..=15, "a log keeps no files"),
            not(25..=25, ITSELF),
        ],
    },
    BookPage {
        name: "ops of one's own",
        blocks: 11,
        runs: &[
            runs(
                &[2],
                "def:\n   greet (name):\n      - echo: hi ${name}\ndo:\n   - greet:\n       name: Ada\n",
                "hi Ada\n",
            ),
            runs(
                &[3],
                "def:\n   greet:\n     required:\n        - name\n     do:\n      - echo: hi ${name}\ndo:\n   - greet:\n       name: Ada\n",
                "hi Ada\n",
            ),
            runs(
                &[4],
                "def:\n   greet (name):\n      - echo: hi ${name}\ndo:\n   - greet:\n        other: Ada\n",
                "",
            )
            .fails("\"greet\" needs the argument \"name\""),
            runs(
                &[5],
                "def:\n   list_all:\n      - echo all\ndo:\n   - list_all:\n   - echo: \"that was fine\"\n",
                "all\nthat was fine\n",
            ),
            runs(
                &[6],
                "def:\n   list_all (folder):\n      - echo all of ${folder}\ndo:\n   - list_all: /tmp\n",
                "all of /tmp\n",
            ),
            runs(
                &[7],
                "def:\n   add (names):\n      - foreach:\n          var: one\n          in: ${names}\n          do:\n             - echo add ${one}\ndo:\n   - add:\n      - a\n      - b\n",
                "add a\nadd b\n",
            ),
            runs(
                &[8],
                "def:\n   greet (name):\n      - return:\n            text: hi ${name}\ndo:\n   - it = greet:\n       name: Ada\n   - echo: it said ${it.text}\n",
                "it said hi Ada\n",
            ),
            runs(
                &[9],
                "vars:\n   folder: '${dir}'\ndef:\n   write:\n         - write_file:\n             body: \"x\"\n             file: ${folder}/a.txt\ndo:\n   - write:\n",
                "",
            )
            .fails("folder is not set"),
            runs(
                &[10],
                "def:\n   write:\n         - var:\n             path: 'here'\n         - echo: to ${path}\ndo:\n   - write:\n",
                "to here\n",
            ),
            runs(
                &[11],
                "vars:\n   folder: '${dir}'\ndef:\n   write (path):\n         - write_file:\n             body: \"good morning\"\n             file: ${path}/a.txt\ndo:\n   - write:\n        path: ${folder}\n   - cat ${dir}/a.txt\n",
                "good morning",
            ),
        ],
        not: &[not(1..=1, SHIP)],
    },
    BookPage {
        name: "Docker",
        blocks: 11,
        runs: &[],
        not: &[not(1..=11, IMAGES)],
    },
    BookPage {
        name: "errors",
        blocks: 5,
        runs: &[
            runs(
                &[1],
                "do:\n   - exit 99\n   - echo: never\n",
                "",
            )
            .fails("exited with 99"),
            runs(
                &[3],
                "do:\n  - try:\n      - exit 99\n    catch:\n      - echo: caught = ${error_message}\n",
                "caught = the command exited with 99: exit 99\n",
            ),
            runs(&[4], "do:\n   - fail: oh no, not here\n", "").fails("oh no, not here"),
            runs(
                &[5],
                "def:\n   work:\n      - fail: no way\ndo:\n   - try:\n       - work:\n     catch:\n       - echo: work failed, ${error_message}\n",
                "work failed, no way\n",
            ),
        ],
        not: &[not(2..=2, STDERR)],
    },
    BookPage {
        name: "events",
        blocks: 3,
        runs: &[],
        not: &[not(1..=3, TOPICS)],
    },
    BookPage {
        name: "the flow",
        blocks: 7,
        runs: &[
            runs(
                &[1],
                "do:\n  - res = shell: echo cannot resolve; exit 6\n  - if: \"{{ res.rc > 0 && res.rc < 128 }}\"\n    then:\n       - if: \"{{ /resolve/.exec( res.output ) }}\"\n         then:\n           - echo: \"a name, maybe?\"\n         else:\n           - echo: 'something else'\n       - fail: no such server\n",
                "a name, maybe?\n",
            )
            .fails("no such server"),
            runs(
                &[4],
                "do:\n  - foreach: [ 'web1', 'web2' ]\n    do:\n       - echo to ${it}\n",
                "to web1\nto web2\n",
            ),
            runs(
                &[5],
                "do:\n    - ok =: false\n    - while: \"{{ ! ok }}\"\n      do:\n         - res = shell: echo asked\n         - echo: ${res.output}\n         - ok =: \"{{ res.rc == 0 }}\"\n",
                "asked\n",
            ),
            runs(
                &[6],
                "do:\n  - n =: '{{ 0 }}'\n  - while: \"{{ n < 3 }}\"\n    do:\n       - echo: ${n}\n       - n =: \"{{ n + 1 }}\"\n",
                "0\n1\n2\n",
            ),
            runs(
                &[7],
                "do:\n  - echo: a try\n  - do:\n      - res = shell: exit 6\n      - echo: \"code ${res.rc}\"\n      - if: '{{ res.rc > 0 }}'\n        then:\n          - echo: 'away'\n          - return:\n      - echo: \"never\"\n",
                "a try\ncode 6\naway\n",
            ),
        ],
        not: &[not(2..=3, ITSELF)],
    },
    BookPage {
        name: "fields of forms",
        blocks: 16,
        runs: &[],
        not: &[not(1..=16, "the forms of Clarive's own pages")],
    },
    BookPage {
        name: "executables as ops",
        blocks: 9,
        runs: &[
            runs(
                &[1, 2, 5, 6, 8],
                "import:\n   - ./ops/\nbuild:\n    - it = hello:\n         some: \"this\"\n    - echo: ${it.asked.some}\n    - other: 5\n",
                "hello from the module\nthis\nI am another\n",
            )
            .on("build")
            .with(&[ASKED, ("ops/other.rb", "#!/bin/sh\necho I am another\n"), ("ops/no.txt", "no op")]),
            runs(
                &[4],
                "import:\n   - path: ./ops/\n     into: foo\ndo:\n   - it = foo/hello:\n       some: \"here\"\n   - echo: ${it.asked.some}\n",
                "hello from the module\nhere\n",
            )
            .with(&[ASKED]),
        ],
        not: &[not(3..=3, IMAGES), not(7..=7, WORKSPACE), not(9..=9, WORKSPACE)],
    },
    BookPage {
        name: "the introduction",
        blocks: 2,
        runs: &[
            runs(
                &[1],
                "do:\n   - it = shell: echo main\n   - echo: on {{ it.output }}\n",
                "on main\n",
            ),
            runs(&[2], "do:\n   - echo: good morning\n", "good morning\n"),
        ],
        not: &[],
    },
    BookPage {
        name: "executables in Node",
        blocks: 5,
        runs: &[],
        not: &[
            not(1..=3, "the page's own mistake: its module prints an object, and not JSON"),
            not(4..=5, WORKSPACE),
        ],
    },
    BookPage {
        name: "pipelines",
        blocks: 7,
        runs: &[
            runs(
                &[1],
                "build:\n   - echo built\n\ntest:\n   - echo tested\n\ndeploy:\n   - echo deployed\n",
                "tested\n",
            )
            .on("test"),
            runs(
                &[4],
                "build:\n   branches:\n      - feature/*\n   do:\n      - cd /tmp\n      - echo built\n\ndeploy:\n   environments:\n      - Testing\n      - Production\n   do:\n      - echo deployed\n",
                "built\n",
            )
            .on("build")
            .given("branch", "feature/login"),
            runs(
                &[],
                "build:\n   branches:\n      - feature/*\n   do:\n      - echo built\n",
                "",
            )
            .on("build")
            .given("branch", "hotfix/login"),
        ],
        not: &[
            not(2..=2, CONTEXT),
            not(3..=3, SHIP),
            not(5..=6, "an event runs the section of its name, and none that begin with it"),
            not(7..=7, CONTEXT),
        ],
    },
    BookPage {
        name: "executables in Python",
        blocks: 5,
        runs: &[
            runs(
                &[1, 2, 3],
                "import: ./ops/hello.py\ndo:\n   - it = hello: {size: 7}\n   - echo: ${it.asked.size}\n",
                "hello from the module\n7\n",
            )
            .with(&[ASKED]),
        ],
        not: &[not(4..=5, WORKSPACE)],
    },
    BookPage {
        name: "executables in Ruby",
        blocks: 5,
        runs: &[
            runs(
                &[1, 2, 3],
                "import: ./ops/hello.py\ndo:\n   - it = hello: {who: all}\n   - echo: ${it.asked.who}\n",
                "hello from the module\nall\n",
            )
            .with(&[ASKED]),
        ],
        not: &[not(4..=5, WORKSPACE)],
    },
    BookPage {
        name: "commands",
        blocks: 16,
        runs: &[
            runs(&[2], "do:\n    - shell: echo -n short\n", "short"),
            runs(&[5], "do:\n    - echo plain\n    - \"echo plain\"\n", "plain\nplain\n"),
            runs(
                &[6],
                "do:\n    - shell:\n        cmd: |\n         echo one >> ${dir}/a\n         echo two >> ${dir}/a\n         cat ${dir}/a\n    - shell: |\n         echo three > ${dir}/a\n         cat ${dir}/a\n    - |\n         echo four > ${dir}/a\n         cat ${dir}/a\n",
                "one\ntwo\nthree\nfour\n",
            ),
            runs(
                &[7],
                "do:\n   - it = shell: echo files\n   - echo: \"code ${it.rc}, output: ${it.output}\"\n",
                "code 0, output: files\n",
            ),
            runs(
                &[9],
                "do:\n    - it = shell: |\n         echo one > ${dir}/a\n         cat ${dir}/a\n    - echo: \"OUTPUT = {{ it.output }}\"\n    - echo: \"CODE = {{ it.rc }}\"\n",
                "OUTPUT = one\nCODE = 0\n",
            ),
            runs(
                &[10],
                "do:\n    - it = shell: |\n         echo one\n         exit 2\n    - echo: \"OUTPUT = {{ it.output }}\"\n    - if: \"{{ it.rc }}\"\n      then:\n         - log:\n              msg: \"failed with rc={{ it.rc }}\"\n              level: error\n         - echo: logged\n      else:\n         - echo: \"all is well\"\n",
                "OUTPUT = one\nlogged\n",
            ),
            runs(&[11], "do:\n    - printf 'a\\nb\\n' | grep -c .\n", "2\n"),
        ],
        not: &[
            not(1..=1, "`args` are the `$1` of the command: `{run: [ls, -l, -a]}`"),
            not(3..=4, "a list is several commands: `{run: [apt, install, ...]}`"),
            not(8..=8, STDERR),
            not(12..=13, "`pipe_out` is true or false"),
            not(14..=16, IMAGES),
        ],
    },
    BookPage {
        name: "stored variables",
        blocks: 1,
        runs: &[],
        not: &[not(1..=1, "Clarive's database keeps them: `secrets` names what `--secret` gives")],
    },
    BookPage {
        name: "topics",
        blocks: 6,
        runs: &[],
        not: &[not(1..=6, TOPICS)],
    },
    BookPage {
        name: "variables",
        blocks: 12,
        runs: &[
            runs(
                &[1],
                "vars:\n   - logfile: /dev/null\ndo:\n   - $ echo \"an error\" > {{logfile}}\n   - $ echo written\n",
                "written\n",
            ),
            runs(
                &[2],
                "vars:\n   - folder: ${dir}\n   - logfile: \"{{folder}}/my.log\"\ndo:\n   - $ echo \"an error\" > {{logfile}}\n   - $ cat ${dir}/my.log\n",
                "an error\n",
            ),
            runs(
                &[3],
                "do:\n   - var:\n       who: Ada\n   - echo: dear {{ who }}\n",
                "dear Ada\n",
            ),
            runs(
                &[4],
                "vars:\n   - text: |\n        this is\n        long\ndo:\n   - write_file:\n        body: \"{{ text }}\"\n        file: ${dir}/a.txt\n   - cat ${dir}/a.txt\n",
                "this is\nlong\n",
            ),
            runs(
                &[5],
                "do:\n   - cmd =: echo\n   - what =: yaml\n   - ${cmd} install ${what}\n",
                "install yaml\n",
            ),
            runs(
                &[6],
                "def:\n   all_names:\n      - return:\n           - a\n           - b\ndo:\n   - names = all_names:\n   - foreach:\n        var: name\n        in: ${names}\n        do:\n           - echo add ${name} --to /tmp\n",
                "add a --to /tmp\nadd b --to /tmp\n",
            ),
            runs(
                &[7],
                "do:\n   - it = shell: printf 'a\\nb\\n'\n   - foreach:\n        var: line\n        in: \"{{ it.output.split('\\\\n') }}\"\n        do:\n           - echo: LINE=${line}\n",
                "LINE=a\nLINE=b\n",
            ),
            runs(
                &[8],
                "do:\n   - set:\n        var: package\n        value: react\n   - echo: \"ready for ${package}...\"\n",
                "ready for react...\n",
            ),
            runs(
                &[9],
                "do:\n   - write_file:\n       file: ${dir}/sub/a.txt\n       body: \"it is $${pie}\"\n   - |\n       MINE=${dir}/sub\n       cat $${MINE}/a.txt\n",
                "it is ${pie}",
            ),
            runs(
                &[10, 11],
                "do:\n   - mine = parse:\n       file: ${dir}/mine.yml\n   - echo: imported {{ mine.size }}\n",
                "imported large\n",
            )
            .with(&[("mine.yml", "size: large\nfolder: /var\nfile: \"{{ folder }}/x\"\n")]),
            runs(&[12], "do:\n   - var:\n       size: {{ large }}\n", "").fails("quotes"),
        ],
        not: &[],
    },
    BookPage {
        name: "webhooks",
        blocks: 1,
        runs: &[],
        not: &[not(1..=1, CONTEXT)],
    },
    BookPage {
        name: "YAML",
        blocks: 9,
        runs: &[
            runs(
                &[1],
                "# first\ndo:\n         ### further in\n   # now\n   - echo one  # two\n   # then\n   - echo two\n",
                "one\ntwo\n",
            ),
            runs(&[3], "do:\n - echo one\n - exit 0\n", "one\n"),
            runs(
                &[4],
                "do:\n   - if: '{{ 1 == 1 }}'\n     then:\n        - echo so\n     else:\n        - fail: not so\n",
                "so\n",
            ),
            runs(
                &[5],
                "do:\n\n  - echo: good morning\n\n  - echo: \"good morning\"\n",
                "good morning\ngood morning\n",
            ),
            runs(&[6], "do:\n  - echo: good: morning\n", "").fails("quotes"),
            runs(
                &[7],
                "do:\n  - echo: \"{{ 'it is ' + 10 + ' times' }}\"\n",
                "it is 10 times\n",
            ),
            runs(
                &[8],
                "do:\n   - text =: |\n         a\n         b\n   - lines =: \"{{ text.split('\\\\n') }}\"\n   - echo: ${lines[1]}\n   - bad =: \"{{ text.split('\\n') }}\"\n",
                "b\n",
            )
            .fails("Unterminated string"),
        ],
        not: &[
            not(2..=2, "the words of Clarive's parser"),
            not(9..=9, "a literal block ends in a line end, so that the value is a text: quotes give the list"),
        ],
    },
];
