//! Forms with files (`multipart/form-data`), as they are received.

/// An entry of a form.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: Value,
}

/// The value of an entry.
pub(super) enum Value {
    Text(String),
    File {
        bytes: Vec<u8>,
        name: String,
        media: String,
    },
}

/// The entries of a form of this type; `None` if it is none.
pub(super) fn multipart(bytes: &[u8], media: &str) -> Option<Vec<Entry>> {
    let boundary = parameter(media, "boundary").filter(|boundary| !boundary.is_empty())?;
    let first = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let start = find(bytes, first.as_bytes())?;
    let mut rest = &bytes[start + first.len()..];
    let mut entries = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = find(rest, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 4..];
        let end = find(rest, between.as_bytes())?;
        entries.push(entry(&head, &rest[..end])?);
        rest = &rest[end + between.len()..];
    }
    Some(entries)
}

fn entry(head: &str, content: &[u8]) -> Option<Entry> {
    let field = |wanted: &str| {
        head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_it = name.trim().eq_ignore_ascii_case(wanted);
            is_it.then(|| value.trim())
        })
    };
    let disposition = field("content-disposition")?;
    let name = unquoted(&parameter(disposition, "name")?);
    let value = match parameter(disposition, "filename") {
        Some(file) => Value::File {
            bytes: content.to_vec(),
            name: unquoted(&file),
            media: field("content-type").unwrap_or("text/plain").to_owned(),
        },
        None => Value::Text(String::from_utf8_lossy(content).into_owned()),
    };
    Some(Entry { name, value })
}

/// The value of a parameter behind the first `;`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => match after.find(';') {
                Some(at) => after.split_at(at),
                None => (after, ""),
            },
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim().to_owned());
        }
        rest = next.trim_start().strip_prefix(';')?;
    }
}

fn unquoted(name: &str) -> String {
    name.replace("%22", "\"")
        .replace("%0D", "\r")
        .replace("%0A", "\n")
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::{Value, multipart};

    #[test]
    fn a_form_is_its_texts_and_files() {
        let bytes = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\ncontent-disposition: form-data; name=\"f\"; filename=\"q%22.txt\"\r\nContent-Type: text/html\r\n\r\n\r\n\xff\r\n--x--\r\n";
        let entries = multipart(bytes, "multipart/form-data; charset=x; boundary=\"x\"");
        let entries = entries.unwrap_or_default();
        assert_eq!(entries.len(), 2);
        assert!(matches!(&entries[0].value, Value::Text(text) if text == "1"));
        assert!(
            matches!(&entries[1].value, Value::File { bytes, name, media } if bytes == b"\r\n\xff" && name == "q\".txt" && media == "text/html")
        );
    }

    #[test]
    fn what_is_cut_short_is_no_form() {
        for cut in [
            &b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1"[..],
            b"--x\r\n\r\n\r\n--x--",
            b"--x",
            b"",
        ] {
            assert!(multipart(cut, "multipart/form-data; boundary=x").is_none());
        }
        assert!(multipart(b"--x--", "multipart/form-data").is_none());
        assert!(multipart(b"--x--", "multipart/form-data; boundary=x").is_some());
    }
}
