//! Rules of two customers on one engine, who cannot see, read, reach or impersonate each other.
//!
//! ```console
//! $ cargo run -p cla-examples --example tenants
//! shop says: shop-db, greetings from the shop
//! bank says: bank-db, greetings from the bank
//! shop tries the bank's semaphore: no store permission for bank-db
//! ```
//!
//! What to take from it:
//!
//! - Every run gets [`Permissions`] of its own: its customer's folder, and semaphores whose names begin with the customer's.
//!   What the engine itself does not grant (servers, programs, the environment), no run has.
//! - Every run gets [`data`](RunOptions::data) along: host modules, reports and bounds know whose it is. Rules do not see it
//!   and cannot change it.
//! - No customer has more than two runs at once; the third waits for its turn.

use std::path::{Path, PathBuf};

use cla_runtime::engine::WhenFull;
use cla_runtime::permissions::{InvalidPermission, Permission};
use cla_runtime::{Engine, Permissions, RunOptions, Script};

/// Whose run it is.
struct Tenant {
    name: &'static str,
    folder: PathBuf,
}

impl Tenant {
    fn new(name: &'static str, folders: &Path) -> std::io::Result<Self> {
        let folder = folders.join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(
            folder.join("greeting.txt"),
            format!("greetings from the {name}"),
        )?;
        Ok(Self { name, folder })
    }

    fn permissions(&self) -> Result<Permissions, InvalidPermission> {
        Permissions::none()
            .allow(Permission::Read, [&self.folder])?
            .allow(Permission::Write, [&self.folder])?
            .allow(Permission::Store, [format!("{}-*", self.name)])
    }

    fn options(&self) -> Result<RunOptions, InvalidPermission> {
        Ok(RunOptions::new()
            .name(format!("rule of {}", self.name))
            .permissions(self.permissions()?)
            .environment([("TENANT", self.name)])
            .data(self.name))
    }
}

fn engine(folders: &Path) -> Result<Engine, InvalidPermission> {
    // What any customer may have; each run has its part of it.
    let permissions = Permissions::default()
        .allow(Permission::Read, [folders])?
        .allow(Permission::Write, [folders])?;
    Ok(Engine::builder()
        .permissions(permissions)
        .max_runs_by(|name: &&'static str| (*name).to_owned(), 2, WhenFull::Wait)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folders = std::env::temp_dir().join("cla-tenants");
    let tenants = [
        Tenant::new("shop", &folders)?,
        Tenant::new("bank", &folders)?,
    ];
    let engine = engine(&folders)?;
    for tenant in &tenants {
        let file = tenant.folder.join("greeting.txt").display().to_string();
        let rule = format!(
            "const {{ create }} = require('cla/rule'), sem = require('cla/sem');
             sem.take('{}-db', () => sem.list().map(semaphore => semaphore.name) + ', ' +
                 create({{ name: 'greet' }}, [{{ 'text = read_file': {file:?} }}, {{ return: '${{text}}' }}]).run({{}}))",
            tenant.name
        );
        let report = engine
            .run(Script::javascript("greet", rule), tenant.options()?)
            .await;
        println!("{} says: {}", tenant.name, report.value::<String>()?);
    }
    let rule = "try { require('cla/sem').take('bank-db', () => 1) } catch (error) { error.message.split(':')[0] }";
    let report = engine
        .run(Script::javascript("steal", rule), tenants[0].options()?)
        .await;
    println!(
        "shop tries the bank's semaphore: {}",
        report.value::<String>()?
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use std::net::TcpListener;
    use std::time::Duration;

    use cla_runtime::semaphore::{RequestId, SemaphoreView};
    use cla_runtime::{Limits, RunReport};
    use serde_json::json;

    use super::*;

    /// What the shop tries. `ID` is the bank's request, `BANK` its folder, `SHOP` the shop's own, `PORT` a server of the
    /// host's.
    const ATTACKS: [&str; 52] = [
        // To read what the bank has.
        "rule({read_file: 'BANK/greeting.txt'})",
        "rule({read_file: 'SHOP/../bank/greeting.txt'})",
        "rule({read_file: 'SHOP/./../bank/./greeting.txt'})",
        "rule({read_file: 'SHOP/link/greeting.txt'})",
        "rule({read_file: 'SHOP/hardly'})",
        "rule({read_file: {path: 'BANK/greeting.txt', format: 'text'}})",
        "rule({read_file: 'BANK'})",
        "rule({read_file: '/proc/self/environ'})",
        "rule({read_file: '/proc/self/cwd/../greeting.txt'})",
        "rule({read_file: '/etc/passwd'})",
        "rule({import: 'BANK/rule.yml'})",
        "rule({call: 'BANK/rule.yml'})",
        "require('BANK/rule.js')",
        "require('../bank/rule.js')",
        "require('file://BANK/rule.js')",
        "await import('BANK/rule.js')",
        "await import('SHOP/link/rule.js')",
        "require('cla/rule').run('BANK/rule.js')",
        "require('cla/rule').run('BANK/rule.yml')",
        "rule({launch: 'BANK/rule.yml'})",
        // To write there.
        "rule({write_file: {path: 'BANK/greeting.txt', text: 'x'}})",
        "rule({write_file: {path: 'SHOP/link/new', text: 'x'}})",
        "rule({write_file: {path: 'BANK/../bank/new', text: 'x', append: true}})",
        "rule({write_file: {path: 'SHOP/dangling', text: 'x'}})",
        // To start something.
        "rule({shell: 'cat BANK/greeting.txt'})",
        "rule({'x = shell': 'cat BANK/greeting.txt'}, {return: '${x.output}'})",
        // To reach something.
        "require('cla/http').get('http://127.0.0.1:PORT/')",
        "require('cla/http').get('http://localhost:PORT/')",
        "require('cla/http').get('http://[::ffff:127.0.0.1]:PORT/')",
        "require('cla/http').get('http://0.0.0.0:PORT/')",
        "require('cla/http').get('http://2130706433:PORT/')",
        "rule({http: 'http://127.0.0.1:PORT/'})",
        "new (require('cla/semaphore/redis').RedisSemaphoreAdapter)('redis://127.0.0.1:PORT')",
        "new (require('cla/semaphore/sqlite').SqliteSemaphoreAdapter)('BANK/x.db')",
        // To see, take and steer the bank's semaphores.
        "sem.list()",
        "sem.show('bank-db')",
        "sem.history('bank-db')",
        "sem.audit()",
        "sem.audit({semaphore: 'bank-db'})",
        "sem.take('bank-db', () => 1)",
        "sem.acquire('bank-db', {timeout: '10ms'})",
        "rule({semaphore: 'bank-db', do: [{return: 1}]})",
        "rule({semaphore: {key: 'bank-db', slots: 9}, do: [{return: 1}]})",
        "require('cla/rule').region({key: 'bank-db', name: 'bank'}, () => 1)",
        "sem.slots('bank-db', 100)",
        "sem.slots('shop-db', 100)",
        "sem.grant('ID')",
        "sem.cancel('ID')",
        "sem.move('ID', 1)",
        "sem.purge('bank-db')",
        "sem.forceReleaseAll('bank-db')",
        // To be somebody else.
        "Object.values(require('cla/process').env).concat(Object.keys(globalThis), require('cla/process').argv)",
    ];

    const SECRET: &str = "greetings from the bank";

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(future)
    }

    fn bank_db(engine: &Engine) -> SemaphoreView {
        let list = block_on(engine.semaphores().list()).unwrap();
        list.into_iter()
            .find(|view| view.name.as_str() == "bank-db")
            .unwrap()
    }

    fn said(report: &RunReport) -> String {
        match &report.result {
            Ok(value) => value.to_string(),
            Err(error) => error.render(false),
        }
    }

    #[test]
    fn fifty_ways_lead_nowhere() {
        let folders = tempfile::tempdir().unwrap();
        let folders = folders.path().canonicalize().unwrap();
        let [shop, bank] = ["shop", "bank"].map(|name| Tenant::new(name, &folders).unwrap());
        std::fs::write(
            bank.folder.join("rule.js"),
            "module.exports = 'greetings from the bank'",
        )
        .unwrap();
        std::fs::write(
            bank.folder.join("rule.yml"),
            "do: [return: greetings from the bank]",
        )
        .unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            symlink(&bank.folder, shop.folder.join("link")).unwrap();
            symlink(bank.folder.join("greeting.txt"), shop.folder.join("hardly")).unwrap();
            symlink(bank.folder.join("made"), shop.folder.join("dangling")).unwrap();
        }
        let files = || {
            let names = std::fs::read_dir(&bank.folder).unwrap();
            let mut files: Vec<_> = names
                .map(|entry| entry.unwrap().path())
                .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
                .collect();
            files.sort();
            files
        };
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let port = server.local_addr().unwrap().port().to_string();

        let engine = engine(&folders).unwrap();
        let work = "sem = require('cla/sem'); sem.take('bank-db', () => { for (;;) require('cla/util').sleep(0.01) })";
        let held = engine.run(Script::javascript("work", work), bank.options().unwrap());
        let waits = engine.run(Script::javascript("work", work), bank.options().unwrap());
        let start = std::time::Instant::now();
        while !block_on(engine.semaphores().list())
            .unwrap()
            .iter()
            .any(|view| view.waiting == 1)
        {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "the bank never works"
            );
        }
        let ids = |view: &SemaphoreView| -> Vec<RequestId> {
            view.requests.iter().map(|row| row.id).collect()
        };
        let (before, files_before) = (bank_db(&engine), files());

        for attack in ATTACKS {
            let attack = attack
                .replace("BANK", bank.folder.to_str().unwrap())
                .replace("SHOP", shop.folder.to_str().unwrap())
                .replace("PORT", &port)
                .replace("ID", &before.requests[1].id.to_string());
            let text = format!(
                "import sem from 'cla/sem'; import {{ create }} from 'cla/rule';
                 const rule = (...ops) => create({{ name: 'x' }}, ops).run({{}});
                 export default {attack}"
            );
            std::fs::write(shop.folder.join("attack.mjs"), text).unwrap();
            let options = shop
                .options()
                .unwrap()
                .limits(Limits::default().timeout(Duration::from_secs(20)));
            let script = Script::file(shop.folder.join("attack.mjs"));
            let report = block_on(engine.run(script, options));
            let said = said(&report);
            // The attack itself is no mistake.
            for mistake in [
                "is not defined",
                "not a function",
                "unexpected token",
                "unknown op",
            ] {
                assert!(!said.contains(mistake), "{attack}: {said}");
            }
            assert!(!said.contains(SECRET), "{attack}: {said}");
            let sees = report
                .result
                .as_ref()
                .is_ok_and(|value| value.to_string().contains("bank-db"));
            assert!(!sees, "{attack}: {said}");
        }
        let after = bank_db(&engine);
        assert_eq!(
            (ids(&after), after.slots, after.waiting),
            (ids(&before), before.slots, 1)
        );
        assert_eq!(files(), files_before);
        assert!(server.accept().is_err(), "something connected");
        for run in [held, waits] {
            run.cancel();
            block_on(run);
        }
    }

    #[test]
    fn a_tenant_has_what_is_its_own() {
        let folders = tempfile::tempdir().unwrap();
        let shop = Tenant::new("shop", folders.path()).unwrap();
        let engine = engine(folders.path()).unwrap();
        let path = shop.folder.join("greeting.txt");
        let rule = format!(
            "[require('cla/sem').take('shop-db', () => require('cla/process').env.TENANT),
              require('cla/rule').create({{ name: 'x' }}, [{{ 'text = read_file': {:?} }}, {{ return: '${{text}}' }}]).run({{}})]",
            path.display().to_string()
        );
        let report = block_on(engine.run(Script::javascript("own", rule), shop.options().unwrap()));
        assert_eq!(
            report.result.as_ref().unwrap(),
            &json!(["shop", "greetings from the shop"])
        );
        assert_eq!(*report.data.get::<&'static str>().unwrap(), "shop");
    }
}
