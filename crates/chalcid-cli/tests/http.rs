//! `fetch` over HTTP, against a server in this process.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

/// Answers requests by their path until the test ends; gives the address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || answer(&stream));
        }
    });
    address
}

fn answer(mut stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request).unwrap();
    let mut length = 0;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        headers.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let reply = |status: &str, headers: &str, body: &[u8]| {
        let mut bytes =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len())
                .into_bytes();
        bytes.extend_from_slice(body);
        bytes
    };
    let bytes = match path {
        "/text" => {
            reply("200 OK", "Content-Type: text/plain; charset=utf-8\r\nX-One: 1\r\nX-One: 2\r\n", "h€llo".as_bytes())
        }
        "/wasm" => reply("200 OK", "Content-Type: application/wasm\r\n", b"\0asm\x01\0\0\0"),
        "/json" => reply("201 Created", "Content-Type: application/json\r\n", br#"{"a":[1,2]}"#),
        "/away" => reply("302 Found", "Location: /text\r\n", b""),
        "/missing" => reply("404 Not Found", "", b"nothing here"),
        "/empty" => reply("204 No Content", "", b""),
        "/echo" => {
            let kind = headers.iter().find(|line| line.starts_with("content-type")).cloned().unwrap_or_default();
            let shown = format!("{} {kind} {}", request.split(' ').next().unwrap(), String::from_utf8_lossy(&body));
            reply("200 OK", "", shown.as_bytes())
        }
        "/slow" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
                .unwrap();
            std::thread::sleep(std::time::Duration::from_millis(50));
            b"6\r\nsecond\r\n0\r\n\r\n".to_vec()
        }
        "/never" => {
            std::thread::sleep(std::time::Duration::from_secs(20));
            Vec::new()
        }
        "/broken" => b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nshort".to_vec(),
        _ => reply("500 Internal Server Error", "", b""),
    };
    // The client may have gone.
    drop(stream.write_all(&bytes));
}

fn run(program: &str) -> String {
    let program = program.replace("BASE", &serve());
    let output = Command::new(env!("CARGO_BIN_EXE_chalcid"))
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .args(["-e", &program])
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_response_says_what_the_server_said() {
    let printed = run(r#"
        const r = await fetch("BASE/text");
        console.log(r.status, r.statusText, r.ok, r.redirected, r.url === "BASE/text", r.headers.get("content-type"), r.headers.get("X-ONE"));
        console.log(await r.text(), r.bodyUsed);
        await r.text().catch((error) => console.log(error.name));
        const j = await fetch(new URL("BASE/json"));
        console.log(j.status, await j.json());
        const m = await fetch("BASE/missing");
        console.log(m.status, m.ok, await m.text());
        const e = await fetch("BASE/empty");
        console.log(e.status, e.body, (await e.arrayBuffer()).byteLength);
    "#);
    assert_eq!(
        printed,
        "200 OK true false true text/plain; charset=utf-8 1, 2\nh€llo true\nTypeError\n201 { a: [ 1, 2 ] }\n404 false nothing here\n204 null 0\n"
    );
}

#[test]
fn requests_carry_method_headers_and_body() {
    let printed = run(r#"
        const show = async (...args) => console.log(await (await fetch("BASE/echo", ...args)).text());
        await show({ method: "post", body: "text" });
        await show({ method: "PUT", body: new Uint8Array([104, 105]) });
        await show({ method: "POST", body: new URLSearchParams({ a: "1" }) });
        await show({ method: "DELETE", headers: { "Content-Type": "x/y" } });
    "#);
    assert_eq!(
        printed,
        "POST content-type: text/plain;charset=utf-8 text\nPUT  hi\nPOST content-type: application/x-www-form-urlencoded;charset=utf-8 a=1\nDELETE content-type: x/y \n"
    );
}

#[test]
fn redirects_are_followed_or_not() {
    let printed = run(r#"
        const f = await fetch("BASE/away");
        console.log(f.status, f.redirected, f.url === "BASE/text");
        const m = await fetch("BASE/away", { redirect: "manual" });
        console.log(m.status, m.headers.get("location"));
        await fetch("BASE/away", { redirect: "error" }).catch((error) => console.log(error.name, error.message));
    "#);
    assert_eq!(printed, "200 true true\n302 /text\nTypeError fetch failed\n");
}

#[test]
fn bodies_stream() {
    let printed = run(r#"
        const pieces = [];
        for await (const piece of (await fetch("BASE/slow")).body) pieces.push(new TextDecoder().decode(piece));
        console.log(pieces);
        const r = await fetch("BASE/slow");
        const copy = r.clone();
        console.log(await r.text(), await copy.text());
    "#);
    assert_eq!(printed, "[ 'first', 'second' ]\nfirstsecond firstsecond\n");
}

#[test]
fn failures_are_type_errors_and_aborts_abort() {
    let printed = run(r#"
        await fetch("http://127.0.0.1:1/").catch((error) => console.log(error.name, error.message, error.cause instanceof Error));
        await fetch("BASE/broken").then((r) => r.text()).catch((error) => console.log(error.name));
        await fetch("ftp://x/").catch((error) => console.log(error.name));
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 20);
        await fetch("BASE/never", { signal: controller.signal }).catch((error) => console.log(error.name));
        await fetch("BASE/text", { signal: AbortSignal.abort() }).catch((error) => console.log(error.name));
    "#);
    assert_eq!(printed, "TypeError fetch failed true\nTypeError\nTypeError\nAbortError\nAbortError\n");
}
