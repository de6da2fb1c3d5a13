use cla_semaphore::*;
use std::future::Future;
use std::time::{Duration, Instant};
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    const N: u32 = 20000;
    // bare
    let client = redis::Client::open(format!("{url}/?protocol=resp3")).unwrap();
    let mut c = client.get_multiplexed_async_connection().await.unwrap();
    let sha: String = redis::cmd("SCRIPT")
        .arg("LOAD")
        .arg("return 1")
        .query_async(&mut c)
        .await
        .unwrap();
    for round in 0..3 {
        let t = Instant::now();
        for _ in 0..N {
            for _ in 0..2 {
                let _: i64 = redis::cmd("EVALSHA")
                    .arg(&sha)
                    .arg(1)
                    .arg("k")
                    .query_async(&mut c)
                    .await
                    .unwrap();
            }
        }
        let bare = t.elapsed() / N;
        let s = Semaphores::connect(&url).unwrap();
        let x = s.semaphore(&SemaphoreName::new("bench").unwrap());
        for _ in 0..2000 {
            drop(x.acquire(Request::new()).await.unwrap());
        }
        let t = Instant::now();
        for _ in 0..N {
            drop(x.acquire(Request::new()).await.unwrap());
        }
        let ours = t.elapsed() / N;
        let t = Instant::now();
        for _ in 0..N {
            x.acquire(Request::new())
                .await
                .unwrap()
                .release()
                .await
                .unwrap();
        }
        let waited = t.elapsed() / N;
        println!(
            "{round}: bare 2x {bare:?}  take+drop {ours:?} = {:.2}  take+release awaited {waited:?}",
            ours.as_secs_f64() / bare.as_secs_f64()
        );
        // blocking thread
        let xx = x.clone();
        let th = std::thread::spawn(move || {
            let t = Instant::now();
            for _ in 0..N {
                drop(xx.blocking_acquire(Request::new()).unwrap());
            }
            t.elapsed() / N
        })
        .join()
        .unwrap();
        println!("   plain thread take+drop {th:?}");
        // hand-over between two stores
        let s2 = Semaphores::connect(&url).unwrap();
        let y = SemaphoreName::new("hand").unwrap();
        let (a, b) = (s.semaphore(&y), s2.semaphore(&y));
        let mut held = a.acquire(Request::new()).await.unwrap();
        let mut lat = vec![];
        for i in 0..2000 {
            let next = if i % 2 == 0 { b.clone() } else { a.clone() };
            let mut acq = Box::pin(next.acquire(Request::new()));
            // let it queue
            loop {
                std::future::poll_fn(|cx| {
                    let _ = acq.as_mut().poll(cx);
                    std::task::Poll::Ready(())
                })
                .await;
                if s.show(&y).await.unwrap().unwrap().waiting == 1 {
                    break;
                }
            }
            let t = Instant::now();
            drop(held);
            held = acq.await.unwrap();
            lat.push(t.elapsed());
        }
        lat.sort();
        println!(
            "   hand-over p50 {:?} p99 {:?}",
            lat[lat.len() / 2],
            lat[lat.len() * 99 / 100]
        );
        drop(held);
        // contended: 64 clients of one store pair
        let t = Instant::now();
        let tasks: Vec<_> = (0..64)
            .map(|i| {
                let x = if i % 2 == 0 { a.clone() } else { b.clone() };
                tokio::spawn(async move {
                    for _ in 0..200 {
                        drop(x.acquire(Request::new()).await.unwrap());
                    }
                })
            })
            .collect();
        for t in tasks {
            t.await.unwrap();
        }
        println!(
            "   64 tasks on one slot: {:.0} hand-overs/s",
            12800.0 / t.elapsed().as_secs_f64()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
