//! What can follow a dot.

mod support;

use cla_runtime::{RunOptions, Session};
use cla_stdlib::{Member, members};
use support::engine;

async fn names(session: &Session, path: &[&str]) -> Vec<Member> {
    let path: Vec<String> = path.iter().map(|&name| name.to_owned()).collect();
    let members = session.look(move |ctx, _| members(ctx, &path)).await;
    members.expect("looking cannot fail")
}

fn has(members: &[Member], name: &str, function: bool) -> bool {
    let name = name.to_owned();
    members.contains(&Member { name, function })
}

#[tokio::test]
async fn members_are_found_without_running_anything() {
    let session = Session::start(&engine(), RunOptions::new(), None, |_| {});
    let code = "var ran = 0;
        class Base { inherited() {} get trap() { ran++; return 1 } }
        class Thing extends Base { own = { deep: { er: 1 } }; static make() {} }
        const thing = new Thing(), text = 'x', list = [1, 2];
        const spy = new Proxy({}, { ownKeys() { ran++; return [] }, getOwnPropertyDescriptor() { ran++ } });
        const holder = { get inside() { ran++; return {} }, spy };
        Object.getOwnPropertyDescriptor = Reflect.ownKeys = () => { ran++ };";
    session.evaluate(code, |_, _, _| ()).await.expect("it runs");
    let globals = names(&session, &[]).await;
    assert!(
        has(&globals, "thing", false)
            && has(&globals, "print", true)
            && has(&globals, "JSON", false)
    );
    let thing = names(&session, &["thing"]).await;
    assert!(
        has(&thing, "own", false) && has(&thing, "inherited", true) && has(&thing, "trap", false),
        "{thing:?}"
    );
    assert!(has(
        &names(&session, &["thing", "own", "deep"]).await,
        "er",
        false
    ));
    assert!(has(&names(&session, &["Thing"]).await, "make", true));
    assert!(has(&names(&session, &["cla"]).await, "stash", true));
    assert!(has(&names(&session, &["text"]).await, "toUpperCase", true));
    let list = names(&session, &["list"]).await;
    assert!(has(&list, "map", true) && !has(&list, "0", false));
    for path in [
        &["thing", "trap"][..],
        &["holder", "inside"],
        &["spy", "x"],
        &["none"],
        &["holder", "spy"],
    ] {
        assert_eq!(names(&session, path).await, [], "{path:?}");
    }
    let ran = session.evaluate("ran", |_, _, value| value.as_int()).await;
    assert_eq!(ran.expect("it runs"), Some(0));
    session.close().await;
}
