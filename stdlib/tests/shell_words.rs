//! Values as words of a command: what a stranger writes comes back as it was, from every place of a command, and runs nothing.
//! The shells of this machine have the word.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use cla_stdlib::internal::command::Words;

/// What would leave this file behind has run a value.
const MARKER: &str = "pwned";

/// Texts that try to be run.
fn hostile_values() -> Vec<String> {
    let run = format!("touch {MARKER}");
    let mut values: Vec<String> = [
        "", " ", "\n", "\t", "\r", "\\", "'", "\"", "`", "$", "!", "#", "&", "|", ";", "<", ">",
        "(", ")", "{", "}", "[", "]", "*", "?", "~", "=", "-", "--", "-n", "-e", "%", "%s", "%n",
        "^", "1", "2", "12", "a", "a b", " a ", "a\n", "\na", "\\n", "a\\", "\\\\", "''", "\"\"",
        "'\"'", "$$", "$1", "$@", "$x", "${x}", "$'a'", "\\'", "\\\"", "if", "then", "fi", "esac",
        "done", "case", "eval", "true", "[ab]", "{a,b}", "{1..3}", "~root", "é", "🦀", "\u{202e}",
        "a=b", "PATH=", "#a", "<<E", "E",
    ]
    .map(str::to_owned)
    .into();
    for frame in [
        "; @",
        "& @",
        "| @",
        "|| @",
        "&& @",
        "\n@",
        "\n@\n",
        "$(@)",
        "`@`",
        "; @ #",
        "'; @ '",
        "\"; @ \"",
        "'; @ #",
        "\"; @ #",
        "' $(@) '",
        "\" $(@) \"",
        "'$(@)'",
        "\"$(@)\"",
        "\\'; @; \\'",
        "\\\"; @; \\\"",
        "\\`@\\`",
        "\\\\`@\\\\`",
        "'`@`'",
        "\"`@`\"",
        "${x:-$(@)}",
        "$((`@`))",
        "$((a[$(@)]))",
        "a[$(@)]",
        "x[`@`]",
        "<(@)",
        ">(@)",
        "); @; (",
        "$(@",
        "`@",
        "}; @; {",
        "fi; @; if",
        ";; esac; @; case",
        "done; @; for",
        "<<E\n$(@)\nE\n",
        "<<'E'\nE\n@",
        "\r\n@\r\n",
        "#\n@",
        "a #\n@",
        "-c @",
        "-c '@'",
        "$'\\n@'",
        "$'; @'",
        "$\"$(@)\"",
        "\\\n; @",
        "\\; @",
        "\\\\; @",
        "'\\''; @; '\\''",
        "'\"'\"'; @; '",
        "!@",
        "!!; @",
        "%0a@",
        "\u{7f}; @",
        "\u{1}; @",
        "\u{b}@",
        "\u{c}@",
        "\u{85}@",
        "\u{a0}; @",
        "é; @",
        "🦀'; @; '",
        "$IFS; @",
        "${IFS};@",
        "@;:",
        "(@)",
        "{ @; }",
        "*; @",
        "~; @",
        "=; @",
        "a=$(@)",
        "2>&1; @",
        "> x; @",
        "exec @",
        "trap '@' EXIT",
        "() { :; }; @",
        "$(@)$(@)",
        "`@``@`",
        "'$(@)",
        "\"$(@)",
        "$(@)'",
        "$(@)\"",
        "`@`'",
        "`@`\"",
        "\\$(@)",
        "\\\\$(@)",
        "\\\\\\$(@)",
        "'\\$(@)'",
        "\"\\\\\"; @; \"",
        "\"\\\"; @; \"",
        "' \"; @; \" '",
        "\" '; @; ' \"",
        "';`@`;'",
        "\n'; @\n'",
        "\n\"; @\n\"",
        "a\\\"`@`",
        "a\\'`@`",
        "\\`; @; \\`",
        "'''; @; '''",
        "\"\"\"; @; \"\"\"",
        "$(echo '; @')",
        "$(@)\\",
        "; @\\",
        "'; @\\",
        "\"; @\\",
    ] {
        values.push(frame.replace('@', &run));
    }
    // Parts of these, put together at random.
    let parts = [
        "'",
        "\"",
        "`",
        "$",
        "\\",
        "(",
        ")",
        "{",
        "}",
        ";",
        "\n",
        " ",
        "#",
        "&",
        "|",
        "$(",
        "`",
        "\\'",
        "\\\"",
        "\\\\",
        "\\`",
        "\\$",
        run.as_str(),
        "<<",
        "''",
        "\"\"",
    ];
    let mut seed = 987_654_321_u64;
    let mut next = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % most
    };
    for _ in 0..100 {
        let length = 2 + next(9);
        values.push((0..length).map(|_| parts[next(parts.len())]).collect());
    }
    values
}

/// Commands, and what they print; `@` is the value, `@@` the value quoted for a second shell too.
const PLACES: &[(&str, &str)] = &[
    ("printf %s @", "@"),
    ("printf %s \"@\"", "@"),
    ("printf %s '@'", "@"),
    ("printf %s a@b", "a@b"),
    ("printf %s \"a @ b\"", "a @ b"),
    ("printf %s 'a @ b'", "a @ b"),
    ("printf %s @@@@", "@"),
    ("printf %s \"a\"@'b'", "a@b"),
    ("printf %s \"'@'\"", "'@'"),
    ("printf %s '\"@\"'", "\"@\""),
    ("printf %s \\'@\\'", "'@'"),
    ("printf %s \\\"@", "\"@"),
    ("printf %s \"\\\"@\\\"\"", "\"@\""),
    ("printf %s \"\\\\@\"", "\\@"),
    ("printf %s \\\\@", "\\@"),
    ("x=1; printf %s $x@", "1@"),
    ("x=1; printf %s \"$x@\"", "1@"),
    ("x=1; printf %s \"${x}@\"", "1@"),
    ("printf %s ${nothing:-d}@", "d@"),
    ("printf %s \"$((1 + (2)))@\"", "3@"),
    ("printf %s $((1<<2))@", "4@"),
    ("printf %s \"$(printf %sx @)\"", "@x"),
    ("printf %s \"$(printf %sx \"@\")\"", "@x"),
    ("printf %s \"$(printf %sx '@')\"", "@x"),
    (
        "printf %s \"$(printf %s \"$(printf %s \"$(printf %sx \"@\")\")\")\"",
        "@x",
    ),
    ("printf %s \"`printf %sx @`\"", "@x"),
    ("printf %s \"`printf %sx '@'`\"", "@x"),
    ("printf %s \"`printf %sx \\\"@\\\"`\"", "@x"),
    ("X=`printf %sx @`; printf %s \"$X\"", "@x"),
    ("X=`printf %sx \"@\"`; printf %s \"$X\"", "@x"),
    (
        "X=`printf %s \"\\`printf %sx @\\`\"`; printf %s \"$X\"",
        "@x",
    ),
    (
        "X=`printf %s \"\\`printf %sx '@'\\`\"`; printf %s \"$X\"",
        "@x",
    ),
    (
        "X=`printf %s \"$(printf %sx \"@\")\"`; printf %s \"$X\"",
        "@x",
    ),
    (
        "X=$(printf %s \"`printf %sx \\\"@\\\"`\"); printf %s \"$X\"",
        "@x",
    ),
    ("(printf %s @)", "@"),
    ("{ printf %s \"@\"; }", "@"),
    ("(cd / && (printf %s \"$(printf %sx @)\"))", "@x"),
    ("if true; then printf %s @; fi", "@"),
    ("for v in @; do printf %s \"$v\"; done", "@"),
    ("for v in a '@'; do printf %s \"$v\"; done", "a@"),
    ("case @ in @) printf %s @;; esac", "@"),
    ("case a in b) false;; *) printf %s \"@\";; esac", "@"),
    ("V=@; printf %s \"$V\"", "@"),
    ("V=\"@\"; printf %s \"$V\"", "@"),
    ("V='a @'; printf %s \"$V\"", "a @"),
    ("export V=@; printf %s \"$V\"", "@"),
    ("V=@ sh -c 'printf %s \"$V\"'", "@"),
    ("printf %s @ | cat", "@"),
    ("printf %s @ && true || false", "@"),
    ("true; # it's a comment\nprintf %s @", "@"),
    ("true;# \"$(\nprintf %s \"@\"", "@"),
    ("printf %s \\\n@", "@"),
    ("printf %s%s @ '#'@", "@#@"),
    ("f() { printf %s \"$1\"; }; f @", "@"),
    ("sh -c 'printf %s \"$1\"' sh @", "@"),
    ("env sh -c 'printf %s \"$1\"' - \"@\"", "@"),
    ("set -- @; printf %s \"$1\"", "@"),
    ("printf %s @ >&2 2>/dev/null; printf %s @", "@"),
    ("[ -n x@ ] && printf %s @", "@"),
    ("test x@ = x@ && printf %s @", "@"),
    ("! false && printf %s @", "@"),
    ("while printf %s @; do break; done", "@"),
    (
        "awk 'BEGIN { printf \"%s\", ENVIRON[\"V\"] }' V=x; V=@; printf %s \"$V\"",
        "@",
    ),
    ("sh -c 'printf %s @@'", "@"),
    ("sh -c \"printf %s @@\"", "@"),
    ("sh -c 'printf %s a@@b; :'", "a@b"),
    ("eval printf %s @@", "@"),
    ("eval \"printf %s @@\"", "@"),
    ("eval 'printf %s @@'", "@"),
    ("printf %s \"$(sh -c 'printf %sx @@')\"", "@x"),
    ("X=`eval 'printf %sx @@'`; printf %s \"$X\"", "@x"),
];

/// The command with a value in each place.
#[track_caller]
fn filled(command: &str, value: &str) -> String {
    let mut words = Words::new();
    let mut filled = String::new();
    let mut rest = command;
    while let Some(at) = rest.find('@') {
        words.read(&rest[..at]);
        filled.push_str(&rest[..at]);
        // Two pairs stand for two values: the first one is empty, so that the words meet.
        let twice = rest[at..].starts_with("@@") && !rest[at..].starts_with("@@@@");
        let (value, length) = match (twice, rest[at..].starts_with("@@@@")) {
            (true, _) => (value, 2),
            (false, true) => ("", 3),
            (false, false) => (value, 1),
        };
        if let Some(refusal) = words.refusal(twice) {
            panic!("{command}: no value may stand {}", refusal.place);
        }
        let text = words.value(&[value.to_owned()], twice);
        filled.push_str(&text.unwrap_or_else(|refusal| panic!("{command}: {}", refusal.place)));
        rest = &rest[at + length..];
    }
    words.read(rest);
    filled.push_str(rest);
    filled
}

fn shells() -> Vec<&'static str> {
    let is_there = |shell: &&str| {
        let run = Command::new(shell).args(["-c", "exit 7"]).status();
        run.is_ok_and(|status| status.code() == Some(7))
    };
    ["sh", "bash", "dash", "zsh", "ksh"]
        .into_iter()
        .filter(is_there)
        .collect()
}

/// What a shell prints for these commands, one after the other.
fn printed(shell: &str, folder: &Path, commands: &[String]) -> Vec<String> {
    let mut script = String::new();
    for command in commands {
        script.push_str(command);
        script.push_str("\nprintf '\\0'\n");
    }
    let file = folder.join("script");
    fs::write(&file, script).unwrap();
    let ran = Command::new(shell)
        .arg(&file)
        .current_dir(folder)
        .env_remove("V")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let mut parts: Vec<String> = text.split('\0').map(str::to_owned).collect();
    parts.pop();
    assert_eq!(
        parts.len(),
        commands.len(),
        "{shell}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    parts
}

#[test]
fn what_a_stranger_writes_comes_back_from_every_place_and_runs_nothing() {
    let values = hostile_values();
    assert!(values.len() >= 200, "{} values", values.len());
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join(MARKER);
    for shell in shells() {
        for (command, expected) in PLACES {
            let commands: Vec<String> = values.iter().map(|value| filled(command, value)).collect();
            let printed = printed(shell, folder.path(), &commands);
            for ((value, printed), command) in values.iter().zip(printed).zip(&commands) {
                let expected = expected.replace('@', value);
                assert_eq!(printed, expected, "{shell}: {command}");
            }
            assert!(!marker.exists(), "{shell}: {command} ran a value");
        }
    }
}

#[test]
fn a_list_is_several_words() {
    let mut words = Words::new();
    words.read("printf '<%s>' ");
    let texts = ["a b".to_owned(), "$(x)".to_owned(), "c".to_owned()];
    assert_eq!(words.value(&texts, false).unwrap(), "'a b' '$(x)' c");
    words.read(" \"");
    assert_eq!(words.value(&texts, false).unwrap(), "a b \\$(x) c");
    words.read("\" ");
    assert_eq!(words.value(&[], false).unwrap(), "");
}

#[test]
fn where_no_value_may_stand_is_said() {
    for (command, place) in [
        ("cat <<E\n@\nE", "here-document"),
        ("cat <<-E\n@\nE", "here-document"),
        ("cat <<'E'\n@\nE", "here-document"),
        ("cat << @", "here-document"),
        ("cat <<@", "here-document"),
        ("echo $(cat <<E\n@\nE\n)", "here-document"),
        ("echo $((@ + 1))", "$((...))"),
        ("echo \"$((1 + @))\"", "$((...))"),
        ("echo $[@]", "$[...]"),
        ("echo \"$[@]\"", "$[...]"),
        ("((@))", "((...))"),
        ("for ((i=0; i<@; i++)); do :; done", "((...))"),
        ("[[ @ -eq 1 ]]", "[[...]]"),
        ("if [[ -f @ ]]; then :; fi", "[[...]]"),
        ("echo ${X:-@}", "${...}"),
        ("echo \"${X:-@}\"", "${...}"),
        ("echo ${X:-'a'} @", "${...}"),
        ("true # @", "comment"),
        ("true;# @", "comment"),
        ("echo $(true # @\n)", "comment"),
        ("echo \\@", "backslash"),
        ("echo \"\\@\"", "backslash"),
        ("echo `echo \\@`", "backslash"),
        ("echo $@x", "dollar"),
        ("echo \"$@\"", "dollar"),
        ("echo $'@'", "$'...'"),
        ("echo $'a\\'b' @", "$'...'"),
        ("echo \"`echo \"@\"`\"", "backticks"),
        ("echo $(case x in x) echo @;; esac)", "case"),
        ("a[@]=1", "[...]"),
        ("ls *[@]", "[...]"),
        ("eval @", "eval"),
        ("eval echo \"@\"", "eval"),
        ("command eval 'echo @'", "eval"),
        ("X=1 eval echo @", "eval"),
        ("true; eval echo @", "eval"),
        ("if eval @; then :; fi", "eval"),
        ("echo \"$(eval @)\"", "eval"),
        ("echo `eval @`", "eval"),
        ("sh -c @", "sh -c"),
        ("sh -c 'echo @'", "sh -c"),
        ("bash -lc \"echo @\"", "bash -c"),
        ("/bin/bash -x -c 'echo @'", "bash -c"),
        ("sudo -u app sh -c 'echo @'", "sh -c"),
        ("docker exec app sh -c 'echo @'", "sh -c"),
        ("find . -exec sh -c 'echo @' ';'", "sh -c"),
        ("xargs -n1 sh -c 'echo @'", "sh -c"),
        ("su app -c 'echo @'", "su -c"),
        ("$SHELL -c 'echo @'", "that program -c"),
        ("ssh -p 22 host rm @", "ssh"),
        ("ssh host 'rm @'", "ssh"),
        ("watch ls @", "watch"),
        ("python3 -c 'print(\"@\")'", "python"),
        ("/usr/bin/python3.12 -c 'print(\"@\")'", "python"),
        ("perl -ne 'print \"@\"'", "perl"),
        ("node -e @", "node"),
        ("ruby -e 'puts \"@\"'", "ruby"),
        ("php -r 'echo \"@\";'", "php"),
        ("awk '/@/'", "awk"),
        ("awk -F : '{print @}'", "awk"),
        ("sed s/a/@/", "sed"),
        ("sed -n -e \"s/a/@/\"", "sed"),
        ("sudo sed -i 's/a/@/' file", "sed"),
        ("let x=@", "let"),
        ("unset @", "unset"),
        ("read @", "read"),
        ("declare x=@", "declare"),
        ("trap @ EXIT", "trap"),
        ("alias x=@", "alias"),
        ("export @", "export"),
        ("printf -v @ x", "-v"),
        ("test -v @", "-v"),
        ("[ -v @ ]", "-v"),
    ] {
        let mut words = Words::new();
        let at = command.find('@').unwrap();
        words.read(&command[..at]);
        let refusal = words.refusal(false);
        let refusal = refusal.unwrap_or_else(|| panic!("{command}: a value may stand there"));
        assert!(
            refusal.place.contains(place),
            "{command}: {}",
            refusal.place
        );
    }
}

#[test]
fn a_second_shell_must_see_the_value_outside_of_quotes() {
    for (command, may) in [
        ("sh -c 'echo @'", true),
        ("sh -c 'echo \"x\" @'", true),
        ("sh -c 'echo \"@\"'", false),
        ("sh -c \"echo '@'\"", false),
        ("sh -c \"echo \\\"@\\\"\"", false),
        ("sh -c 'echo `echo @`'", false),
        ("sh -c 'echo $((@))'", false),
        ("sh -c 'cat <<E\n@'", false),
        ("sh -c 'eval @'", false),
        ("sh -c 'sh -c \"echo @\"'", false),
        ("sh -c \"$x @\"", false),
        ("sh -c '# @'", false),
        ("eval 'x='@", true),
        ("eval \"'\"@", false),
        ("ssh host rm @", true),
        ("ssh host 'rm \"@\"'", false),
        ("python3 -c 'print(@)'", false),
    ] {
        let mut words = Words::new();
        let at = command.find('@').unwrap();
        words.read(&command[..at]);
        assert_eq!(words.refusal(true).is_none(), may, "{command}");
    }
}

#[test]
fn a_value_that_changes_what_the_command_does_is_refused_when_it_is_known() {
    let fill = |texts: &[&str], values: &[&str]| -> Result<String, String> {
        let mut words = Words::new();
        let mut command = String::new();
        for (nth, text) in texts.iter().enumerate() {
            words.read(text);
            command.push_str(text);
            if let Some(value) = values.get(nth) {
                if let Some(refusal) = words.refusal(false) {
                    return Err(refusal.place);
                }
                let piece = words.value(&[(*value).to_owned()], false);
                command.push_str(&piece.map_err(|refusal| refusal.place)?);
            }
        }
        Ok(command)
    };
    let run = "touch pwned";
    assert_eq!(fill(&["", " ", ""], &["ls", "a b"]).unwrap(), "'ls' 'a b'");
    assert!(fill(&["", " ", ""], &["eval", run]).is_err());
    assert!(fill(&["bash ", " ", ""], &["-c", run]).is_err());
    assert!(fill(&["", " -c ", ""], &["/bin/sh", run]).is_err());
    assert!(fill(&["ssh ", " uptime"], &["-oProxyCommand=touch pwned"]).is_err());
    assert_eq!(
        fill(&["ssh ", " uptime"], &["web1"]).unwrap(),
        "ssh web1 uptime"
    );
    assert!(fill(&["sudo ", " -c ", ""], &["bash", run]).is_err());
    // Where an argument is data, it is data.
    assert_eq!(
        fill(&["echo eval ", ""], &[run]).unwrap(),
        "echo eval 'touch pwned'"
    );
    assert_eq!(fill(&["ls ", ">x"], &["2"]).unwrap(), "ls '2'>x");
    assert_eq!(
        fill(&["case a in ", ") :;; esac"], &["esac"]).unwrap(),
        "case a in 'esac') :;; esac"
    );
}
