//! The pages of Clarive's documentation that have JavaScript, and what becomes of their code blocks here.
//!
//! The scripts are our own: each uses what the blocks use, and prints what the page says that comes of it. They find the address of
//! a server in `base`, and an empty folder in `dir`.

/// A page.
pub(crate) struct Page {
    /// What it is about.
    pub(crate) name: &'static str,
    /// How many code blocks it has.
    pub(crate) blocks: usize,
    pub(crate) runs: &'static [Case],
    pub(crate) not: &'static [Missing],
}

/// Blocks that run.
pub(crate) struct Case {
    /// Their numbers on the page, from 1.
    pub(crate) blocks: &'static [usize],
    pub(crate) script: &'static str,
    pub(crate) prints: &'static str,
    /// The error that the run ends with.
    pub(crate) fails: Option<&'static str>,
}

/// Blocks that do not.
pub(crate) struct Missing {
    pub(crate) blocks: std::ops::RangeInclusive<usize>,
    pub(crate) why: &'static str,
}

const fn runs(blocks: &'static [usize], script: &'static str, prints: &'static str) -> Case {
    Case {
        blocks,
        script,
        prints,
        fails: None,
    }
}

const fn fails(
    blocks: &'static [usize],
    script: &'static str,
    prints: &'static str,
    error: &'static str,
) -> Case {
    Case {
        blocks,
        script,
        prints,
        fails: Some(error),
    }
}

const fn not(blocks: std::ops::RangeInclusive<usize>, why: &'static str) -> Missing {
    Missing { blocks, why }
}

/// All of them.
pub(crate) const PAGES: &[Page] = &[
    Page {
        name: "the global `cla`",
        blocks: 8,
        runs: &[
            runs(
                &[1],
                "cla.stash('owner', 'ops'); cla.stash('/site/owner', 'qa'); print(cla.stash('owner'), cla.stash('/site/owner'));",
                "ops qa\n",
            ),
            runs(
                &[2, 3],
                "print(cla.config('workers'), cla.config('/mongo/dbname'), cla.configTable('config.git.home'), cla.config('no', 5));",
                "4 tests /opt/git 5\n",
            ),
            runs(
                &[4],
                "cla.stash('size', 7); print(cla.parseVars('it is ${size} m'), cla.parseVars('dear ${who}', { who: 'Ada' }));",
                "it is 7 m dear Ada\n",
            ),
            runs(
                &[5, 6],
                "const fs = require('cla/fs'); fs.createFile(`${dir}/x`, '12345');
                 cla.printf('%d bytes|', fs.stat(`${dir}/x`).size); print(cla.sprintf('%03d', fs.stat(`${dir}/x`).size));",
                "5 bytes|005\n",
            ),
            runs(
                &[7],
                "print(cla.loc('es', 'Run %1 of %2', 3, 'ops'), cla.loc('de', 'Run %1', 4));",
                "Paso 3 de ops Run 4\n",
            ),
            runs(
                &[8],
                "try { require('cla/util').loadJSON('{') } catch {} print(/loadJSON/.test(cla.lastError()));",
                "true\n",
            ),
        ],
        not: &[],
    },
    Page {
        name: "commands of `cla`",
        blocks: 2,
        runs: &[runs(&[1], "print('Hello');", "Hello\n")],
        not: &[not(
            2..=2,
            "a rule gets its arguments as a list: `util.parseArgs` of `node:util` reads options",
        )],
    },
    Page {
        name: "modules",
        blocks: 3,
        runs: &[
            runs(
                &[1, 2],
                "const fs = require('cla/fs');
                 fs.createFile(`${dir}/one.js`, 'exports.twice = function (n) { return 2 * n };');
                 fs.createFile(`${dir}/two.js`, 'module.exports = function () { return \"two\" };');
                 print(require(`${dir}/one.js`).twice(4), require(`${dir}/two.js`)());",
                "8 two\n",
            ),
        ],
        not: &[not(
            3..=3,
            "`cla.rule` is `require(\"cla/rule\")`, and a stash that is given is copied",
        )],
    },
    Page {
        name: "`cla/base64`",
        blocks: 2,
        runs: &[runs(
            &[1, 2],
            "const { encode64, decode64 } = require('cla/base64'); print(encode64('123'), decode64('MTIz'));",
            "MTIz 123\n",
        )],
        not: &[],
    },
    Page {
        name: "`cla/ci`",
        blocks: 10,
        runs: &[],
        not: &[not(1..=10, "the resources of Clarive's database")],
    },
    Page {
        name: "`cla/config`",
        blocks: 1,
        runs: &[runs(
            &[1],
            "const all = require('cla/config').get('config.test'); print(all.variableOne, require('cla/config').has('config.none'));",
            "one false\n",
        )],
        not: &[],
    },
    Page {
        name: "`cla/db`",
        blocks: 19,
        runs: &[],
        not: &[not(1..=19, "Clarive's MongoDB database")],
    },
    Page {
        name: "`cla/digest`",
        blocks: 2,
        runs: &[runs(
            &[1, 2],
            "const digest = require('cla/digest'); print(digest.md5('123'), digest.sha1('123').length);",
            "202cb962ac59075b964b07152d234b70 40\n",
        )],
        not: &[],
    },
    Page {
        name: "`cla/fs`",
        blocks: 13,
        runs: &[
            runs(
                &[1, 2, 3, 4, 5],
                "const fs = require('cla/fs'), file = `${dir}/f`; fs.createFile(file, 'one\\ntwo\\n'); print(fs.slurp(file).length);
                 let fh = fs.openFile(file, 'r'); while (!fh.eof()) print(fh.readLine()); print(fh.readLine() == undefined);
                 fh = fs.openFile(file, 'r'); while (!fh.eof()) print(JSON.stringify(fh.readChunk(5))); fh.close();",
                "8\none\ntwo\ntrue\n\"one\\nt\"\n\"wo\\n\"\n",
            ),
            runs(
                &[6, 7, 8, 9],
                "const fs = require('cla/fs'), file = `${dir}/f`; fs.createFile(file, 'x'); const fh = fs.openFile(file, 'r');
                 print(typeof fh.fileno()); fh.close(); fs.createDir(`${dir}/d`);
                 fs.iterateDir(dir, function (name, path) { if (fs.isDir(path)) return; print(name) });
                 print(fs.stat(file).size, fs.isFile(file));",
                "number\nf\n1 true\n",
            ),
            runs(
                &[10, 11, 12, 13],
                "const fs = require('cla/fs'), son = `${dir}/dad/son`; fs.createPath(son); if (!fs.isDir(`${son}/x`)) fs.createDir(`${son}/x`);
                 fs.createFile(`${son}/f`, ''); fs.deleteFile(`${son}/f`); fs.deleteDir(`${son}/x`); print(fs.isDir(`${son}/x`), fs.isDir(son));",
                "false true\n",
            ),
        ],
        not: &[],
    },
    Page {
        name: "`cla/log`",
        blocks: 4,
        runs: &[runs(
            &[1, 2, 3, 4],
            "const log = require('cla/log'); for (const level of ['info', 'debug', 'warn', 'error']) log[level]('said', { at: 1 }); print('logged');",
            "logged\n",
        )],
        not: &[],
    },
    Page {
        name: "`cla/path`",
        blocks: 4,
        runs: &[runs(
            &[1, 2, 3, 4],
            "const path = require('cla/path'), file = '/srv/in/a.txt';
             print(path.basename(file), path.dirname(file), path.extname(file), path.join('/srv', 'in', 'b'));",
            // The page has `txt`; everybody else has the dot.
            "a.txt /srv/in .txt /srv/in/b\n",
        )],
        not: &[],
    },
    Page {
        name: "`cla/process`",
        blocks: 8,
        runs: &[runs(
            &[1, 5, 6],
            "const proc = require('cla/process');
             print(proc.pid() === Number(proc.pid), typeof proc.env(), proc.env('NO_SUCH_VARIABLE') === undefined, proc.title, proc.args.length);",
            "true object true cla 0\n",
        )],
        not: &[
            not(2..=4, "texts here: `process.title`, `process.arch`, `process.os`"),
            not(7..=8, "lists here: `process.argv`, `process.args`"),
        ],
    },
    Page {
        name: "`cla/reg`",
        blocks: 8,
        runs: &[runs(
            &[2],
            "const reg = require('cla/reg');
             reg.register('service.test', { name: 'Test', handler: function (ctx, config) { return [typeof ctx.stash, config.foo] } });
             print(reg.launch('service.test', { name: 'a try', config: { foo: 'bar' } }));",
            "[ 'function', 'bar' ]\n",
        )],
        not: &[
            not(1..=1, "entries in Clarive's menus"),
            not(3..=8, "services that Clarive brings along"),
        ],
    },
    Page {
        name: "`cla/rule`",
        blocks: 3,
        runs: &[runs(
            &[2, 3],
            "const rule = require('cla/rule'); cla.stash('n', 4);
             const made = rule.create({ name: 'myrule' }, [{ js: 'cla.stash(\"returning_value\", 999 + (cla.stash(\"n\") ?? 0))' }]);
             rule.run(made); print(cla.stash('returning_value')); rule.run(made, {}); print(cla.stash('returning_value'));",
            "1003\n1003\n",
        )],
        not: &[not(1..=1, "the tree of the palette: here it is what stands under `do` in a rulebook")],
    },
    Page {
        name: "`cla/sem`",
        blocks: 1,
        runs: &[runs(
            &[1],
            "const sem = require('cla/sem'), util = require('cla/util'), log = require('cla/log');
             print(sem.take('abc', function () { util.sleep(0.01); log.info('in'); return 123; }), sem.show('abc').busy);",
            "123 0\n",
        )],
        not: &[],
    },
    Page {
        name: "the stash",
        blocks: 2,
        runs: &[runs(
            &[1, 2],
            "const reg = require('cla/reg'); cla.stash('given', 3);
             reg.register('service.keep', { handler: function (ctx, config) { ctx.stash('kept', ctx.stash('given') + config.by); return 99; } });
             print(reg.launch('service.keep', { config: { by: 4 } }), cla.stash('kept'));",
            "99 7\n",
        )],
        not: &[],
    },
    Page {
        name: "`cla/t`",
        blocks: 15,
        runs: &[
            runs(
                &[1, 2, 3, 4, 5, 6],
                "const t = require('cla/t');
                 t.subtest('same', function () { t.is('aa', 'aa'); t.isnt('bb', 'aa', 'other'); });
                 t.subtest('like', function () { t.like('abc', cla.regex('a.*')); t.unlike('abc', cla.regex('^..$')); });
                 t.subtest('by hand', function () { t.pass('fine') });
                 t.doneTesting();",
                "# Subtest: same\n    ok 1\n    ok 2 - other\n    1..2\nok 1 - same\n\
                 # Subtest: like\n    ok 1\n    ok 2\n    1..2\nok 2 - like\n\
                 # Subtest: by hand\n    ok 1 - fine\n    1..1\nok 3 - by hand\n1..3\n",
            ),
            fails(
                &[7],
                "const t = require('cla/t'); t.subtest('by hand', function () { t.ok(11); t.fail('no') }); t.doneTesting();",
                "# Subtest: by hand\n    ok 1\n    not ok 2 - no\n    #   t.fail was called\n    1..2\n\
                 not ok 1 - by hand\n#   1 of 2 checks failed\n1..1\n",
                "1 of 1 check failed",
            ),
            runs(
                &[8, 9],
                "const t = require('cla/t'); t.subtest('later', function () { t.plan('tests', 1); t.skip('not ready', 1) });
                 t.plan('skip_all', 'no network');",
                "# Subtest: later\n    1..1\n    ok 1 # SKIP not ready\nok 1 - later\n1..0 # SKIP no network\n",
            ),
            runs(
                &[10, 11, 12, 13, 14, 15],
                "const t = require('cla/t');
                 t.cmpDeeply({ a: 1, b: [2] }, { b: [2], a: 1 }); t.cmpDeeply([1, { x: 5 }], [1, { x: t.ignore() }]);
                 t.cmpDeeply(['foo', 'bar'], [t.re('^f'), t.re('...')]); t.cmpDeeply([1, 2, 2, 3], t.set(3, 2, 1, 1));
                 t.cmpDeeply([1, 2, 2], t.bag(2, 2, 1)); t.cmpDeeply([11], t.subsetof(22, 11)); t.cmpDeeply([11, 22, 33], t.supersetof(22, 11));
                 t.doneTesting();",
                "ok 1\nok 2\nok 3\nok 4\nok 5\nok 6\nok 7\n1..7\n",
            ),
        ],
        not: &[],
    },
    Page {
        name: "`cla/util`",
        blocks: 6,
        runs: &[
            runs(
                &[1, 2, 3, 4],
                "const util = require('cla/util');
                 print(util.dumpYAML({ a: 1 }) + util.loadYAML('---\\na: 12\\n').a, util.dumpJSON({ a: 1 }), util.loadJSON('{ \"a\": 30 }').a);",
                "a: 1\n12 {\"a\":1} 30\n",
            ),
            runs(
                &[5, 6],
                "const util = require('cla/util'); let n = 0; const { count } = util.benchmark(100, function () { n += 1 });
                 print(util.unaccent('café'), n, count);",
                "<time>cafe 100 100\n",
            ),
        ],
        not: &[],
    },
    Page {
        name: "forms (`Cla.ui`)",
        blocks: 23,
        runs: &[],
        not: &[not(1..=23, "the forms of Clarive's own pages")],
    },
    Page {
        name: "`cla/web`",
        blocks: 5,
        runs: &[
            runs(
                &[1],
                "const ag = require('cla/web').agent(), res = ag.get(base + '/posts');
                 if (res.isSuccess()) cla.printf('%s, %d, %s\\n', JSON.parse(res.content())[1].title, res.code(), res.message());
                 print(res.content(7), ag.get(base + '/none').code());",
                "second, 200, OK\n[{\"titl 404\n",
            ),
            runs(
                &[2],
                "const answer = require('cla/web').agent().post(base + '/echo', { foo: 11, bar: 'b c' }); print(answer.content());",
                "POST application/x-www-form-urlencoded foo=11&bar=b+c\n",
            ),
            runs(
                &[3],
                "const agent = require('cla/web').agent();
                 print(agent.request('PATCH', base + '/echo', { headers: { 'content-type': 'application/json' }, content: '{}' }).content());",
                "PATCH application/json {}\n",
            ),
            runs(
                &[4],
                "const ag = require('cla/web').agent(), file = `${dir}/posts.json`;
                 print(ag.mirror(base + '/posts', file).code(), ag.mirror(base + '/posts', file).code(), require('cla/fs').slurp(file).length > 20);",
                "200 304 true\n",
            ),
            runs(
                &[5],
                "const ag = require('cla/web').agent(); print(ag.isOnline({ url: base }), ag.isOnline({ url: 'http://127.0.0.1:1/' }));",
                "true false\n",
            ),
        ],
        not: &[],
    },
    Page {
        name: "`cla/ws`",
        blocks: 8,
        runs: &[],
        not: &[not(
            1..=8,
            "a rule answers no HTTP request: `cla serve` starts it, and its stash has what came",
        )],
    },
    Page {
        name: "a primer of JavaScript",
        blocks: 23,
        runs: &[
            runs(&[1], "print('Hello');", "Hello\n"),
            fails(&[2], "'use strict'; xx = 20; print(xx);", "", "xx is not defined"),
            runs(
                &[3, 4, 5, 6, 7, 8, 9, 10],
                "var foo; foo = 100; var bar = 10, age; switch (foo) { case 100: print('low'); break; case 200: print('high') }
                 for (var i = 10; i < 100; i++) { if (i > 11) break; } [1, 2].map(function (el) { print('el ' + el) });
                 var arr = []; arr.push(100); print([1, 2].concat(arr, 100).join(',')); var obj = { at: {} }; obj['at']['zip'] = 1; print(obj.at.zip, i);
                 function nada(name) { return 'dear ' + name } print(nada('Bob'));",
                "low\nel 1\nel 2\n1,2,100,100\n1 12\ndear Bob\n",
            ),
            runs(
                &[11],
                "console.log({ aa: 11 }); console.warn('to the errors'); console.dir({ aa: 22 }); console.info([1]); console.assert(true, 'no');",
                "{ aa: 11 }\n{ aa: 22 }\n[ 1 ]\n",
            ),
            runs(
                &[12, 13, 14, 15],
                "var name = 'Joe'; num = 4; print(`two
lines`); print(`<b>${name}</b> ${num * 2} \\${var}`);",
                "two\nlines\n<b>Joe</b> 8 ${var}\n",
            ),
            runs(
                &[18],
                "try { throw new Error('not ok') } catch (e) { print('caught: ' + e) }",
                "caught: Error: not ok\n",
            ),
            fails(
                &[19],
                "var f = function () { return undefined }; print(f().arg);",
                "",
                "cannot read property 'arg' of undefined",
            ),
            fails(
                &[20],
                "var f = function () { return undefined }; if (f() != undefined) print(1); else throw new Error('no value');",
                "",
                "no value",
            ),
            fails(
                &[21],
                "var obj = { age: function () { return 19 } }; print(obj.age()); print(obj.name());",
                "19\n",
                "not a function",
            ),
        ],
        not: &[
            not(
                16..=17,
                "`<<END` texts are no JavaScript: `` String.raw`...` `` takes `${` as it is written in `\\${`",
            ),
            not(22..=23, "packages of npm: `npm install handlebars underscore` brings them"),
        ],
    },
    Page {
        name: "controllers",
        blocks: 8,
        runs: &[],
        not: &[not(1..=8, "pages of Clarive's own web server")],
    },
    Page {
        name: "the prompt",
        blocks: 2,
        runs: &[runs(&[1, 2], "var xx = [1, 2]; print(123); xx;", "123\n")],
        not: &[],
    },
    Page {
        name: "transpilers",
        blocks: 5,
        runs: &[runs(
            &[2],
            "\"use transpiler(babel)\";
             evens = [2, 4]; var odds = evens.map(v => v + 1);
             class Animal { constructor(name) { this.name = name } get eyes() { return 2 } speak() { print(`${this.name}: ${odds}`) } }
             new Animal('dog').speak();",
            "dog: 3,5\n",
        )],
        not: &[
            not(1..=1, "not needed: the language is that of today, and TypeScript runs in `.ts` files"),
            not(3..=3, "name the file `.ts`; types are stripped then"),
            not(4..=5, "a rule is not translated by another one; a bundler does that before"),
        ],
    },
];
