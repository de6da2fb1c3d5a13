//! A server that answers as no server should: for what rules do with HTTP.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

/// The variable of the environment in which rules find its address.
pub(crate) const VARIABLE: &str = "HOSTILE_SERVER";

/// How long a server that dawdles waits between two bytes.
const DAWDLE: Duration = Duration::from_millis(50);

/// Its address, such as `http://127.0.0.1:4711`. It is started when it is first asked for, and goes on until this program ends.
pub(crate) fn address() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let own = address.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                std::thread::spawn(move || {
                    // A client that has had enough hangs up.
                    let _ = answer(stream, &own);
                });
            }
        });
        address
    })
}

fn answer(stream: TcpStream, own: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut out = stream;
    let ok = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
    let piece = vec![b'x'; 1 << 16];
    match path.split('?').next().unwrap_or_default() {
        // A body without an end.
        "/endless" => {
            write!(out, "{ok}transfer-encoding: chunked\r\n\r\n")?;
            loop {
                write!(out, "{:x}\r\n", piece.len())?;
                out.write_all(&piece)?;
                out.write_all(b"\r\n")?;
            }
        }
        "/tiny-chunks" => {
            write!(out, "{ok}transfer-encoding: chunked\r\n\r\n")?;
            let chunks = b"1\r\nx\r\n".repeat(1 << 12);
            loop {
                out.write_all(&chunks)?;
            }
        }
        // One that comes byte by byte.
        "/slow" => {
            write!(out, "{ok}content-length: 1000000\r\n\r\n")?;
            dawdle(&mut out)
        }
        "/slow-headers" => {
            write!(out, "HTTP/1.1 200 OK\r\nx: ")?;
            dawdle(&mut out)
        }
        // Nothing at all.
        "/silent" => {
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        // Zeros without an end: 13 bytes are 2,064.
        "/gzip" => {
            write!(out, "{ok}content-encoding: gzip\r\n\r\n")?;
            out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])?;
            let (head, again) = zeros();
            out.write_all(&head)?;
            let many = again.repeat(1 << 12);
            loop {
                out.write_all(&many)?;
            }
        }
        "/no-gzip" => {
            write!(
                out,
                "{ok}content-encoding: gzip\r\ncontent-length: 9\r\n\r\nnot gzip!"
            )
        }
        "/headers" => {
            write!(out, "{ok}")?;
            for number in 0.. {
                write!(out, "x-{number}: {}\r\n", "y".repeat(1000))?;
            }
            Ok(())
        }
        "/continue" => loop {
            write!(out, "HTTP/1.1 100 Continue\r\n\r\n")?;
        },
        "/huge" => {
            write!(out, "{ok}content-length: 9007199254740991\r\n\r\n")?;
            loop {
                out.write_all(&piece)?;
            }
        }
        // Less than it said.
        "/short" => write!(out, "{ok}content-length: 1000\r\n\r\nshort"),
        "/garbage" => out.write_all(&[0, 255, 13, 10, 13, 10]),
        "/loop" => write!(
            out,
            "HTTP/1.1 302 Found\r\nlocation: {own}/loop?x\r\ncontent-length: 0\r\n\r\n"
        ),
        "/to-file" => write!(
            out,
            "HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n"
        ),
        // The very same server, by its other names.
        "/to-name" => {
            let other = own.replace("127.0.0.1", "localhost");
            write!(
                out,
                "HTTP/1.1 302 Found\r\nlocation: {other}/secret\r\ncontent-length: 0\r\n\r\n"
            )
        }
        "/to-number" => {
            let other = own.replace("127.0.0.1", "2130706433");
            write!(
                out,
                "HTTP/1.1 302 Found\r\nlocation: {other}/secret\r\ncontent-length: 0\r\n\r\n"
            )
        }
        "/secret" => write!(out, "{ok}content-length: 10\r\n\r\nthe secret"),
        "/json" => {
            let deep = "[".repeat(1 << 20);
            write!(
                out,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{deep}",
                deep.len()
            )
        }
        "/form" => {
            let part = "--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
            write!(
                out,
                "HTTP/1.1 200 OK\r\ncontent-type: multipart/form-data; boundary=b\r\n\r\n"
            )?;
            let many = part.repeat(1 << 12);
            for _ in 0..1 << 8 {
                out.write_all(many.as_bytes())?;
            }
            write!(out, "--b--\r\n")
        }
        _ => write!(out, "{ok}content-length: 2\r\n\r\nhi"),
    }
}

fn dawdle(out: &mut TcpStream) -> std::io::Result<()> {
    loop {
        out.write_all(b"x")?;
        std::thread::sleep(DAWDLE);
    }
}

/// The beginning of a deflate stream of zeros, and what goes on and on after it.
fn zeros() -> (Vec<u8>, Vec<u8>) {
    // The last block, with fixed codes; the literal 0; then "258 bytes from 1 byte before", which is 13 bits.
    const AGAIN: [u8; 13] = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let mut head = vec![1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0];
    head.extend(AGAIN);
    (packed(&head), packed(&AGAIN.repeat(8)))
}

/// Bits as bytes, the first one the lowest.
fn packed(bits: &[u8]) -> Vec<u8> {
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    bits.chunks(8).map(byte).collect()
}
