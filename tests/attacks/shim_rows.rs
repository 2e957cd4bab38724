//! The rows of the attack table that are aimed at the shims, whose pages have no token: what admits them is all there is.

use super::rows::Attack;
use super::victim::{ID_NUMBER, Victim};
use crate::support::shims::PAGE;

const EVIL: &str = "https://evil.example";
/// What each of them would tell or do.
const TARGETS: [(&str, &str); 8] = [
    ("huashi-19196", "GET /readcard&t=0.1"),
    ("huashi-19196", "GET /OpenDevice"),
    ("xinzhongxin-8989", "GET /api/ReadMsg"),
    ("xinzhongxin-8989", "GET /api/ReadMsg?callback=f"),
    ("xinzhongxin-8989", "GET /api/GetIDSerialNo"),
    ("liangtian-38088", "GET /video=stream&camidx=0"),
    ("liangtian-38088", "POST /card=idcard"),
    ("liangtian-38088", "POST /video=grabimage"),
];

pub(super) fn shim_rows(victim: &Victim) -> Vec<Attack> {
    let mut table = Table { victim, rows: Vec::new() };
    for (shim, line) in TARGETS {
        foreign_pages(&mut table, shim, line);
        rebinding(&mut table, shim, line);
    }
    wrong_loads(&mut table);
    paths_of_pages(&mut table);
    odd_calls(&mut table);
    table.rows
}

struct Table<'a> {
    victim: &'a Victim,
    rows: Vec<Attack>,
}

impl Table<'_> {
    fn own(&self, shim: &str) -> String {
        self.victim.shims[shim].trim_start_matches("http://").to_owned()
    }

    fn add(&mut self, kind: &'static str, name: String, shim: &str, refused_with: &[u16], bytes: Vec<u8>) {
        let is_foreign = kind != "shim path" && kind != "shim call";
        let (refused_with, at) = (refused_with.to_vec(), Some(self.own(shim)));
        self.rows.push(Attack { kind, name, bytes, refused_with, is_foreign, at });
    }

    fn request(&self, shim: &str, line: &str, more: &str, body: &str) -> Vec<u8> {
        let (host, length) = (self.own(shim), body.len());
        let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        format!("{head}{more}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    }
}

/// What pages of the internet can have a browser send, and what old browsers send less.
fn foreign_pages(table: &mut Table<'_>, shim: &str, line: &str) {
    let stolen = format!("Authorization: Bearer {}\r\n", table.victim.tokens.good);
    let page = PAGE;
    for (name, head) in [
        ("no origin and no referer", String::new()),
        ("address typed in", "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n".to_owned()),
        ("foreign origin", format!("Origin: {EVIL}\r\n")),
        ("foreign origin and a stolen token", format!("Origin: {EVIL}\r\n{stolen}")),
        ("stolen token alone", stolen.clone()),
        ("null origin", "Origin: null\r\n".to_owned()),
        ("null origin, listed referer", format!("Origin: null\r\nReferer: {page}/\r\n")),
        ("foreign origin, listed referer", format!("Origin: {EVIL}\r\nReferer: {page}/\r\n")),
        ("script of a foreign page", format!("Referer: {EVIL}/\r\nSec-Fetch-Dest: script\r\n")),
        ("picture of a foreign page", format!("Referer: {EVIL}/\r\nSec-Fetch-Dest: image\r\n")),
        (
            "picture of a page that hides",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: image\r\n".to_owned(),
        ),
        (
            "script of a page that hides",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: script\r\n".to_owned(),
        ),
        ("referer that begins as a listed one", format!("Referer: {page}.evil.example/\r\n")),
        ("referer that has a listed one in it", format!("Referer: {EVIL}/{page}/\r\n")),
        ("referer with a user", format!("Referer: {page}@evil.example/\r\n")),
        ("two referers", format!("Referer: {page}/\r\nReferer: {EVIL}/\r\n")),
        ("two origins", format!("Origin: {page}\r\nOrigin: {EVIL}\r\n")),
        ("a link on a listed page", format!("Referer: {page}/\r\nSec-Fetch-Mode: navigate\r\n")),
        ("a form of a listed page", format!("Origin: {page}\r\nSec-Fetch-Mode: navigate\r\n")),
        ("the local API's page", format!("Origin: {}\r\n", table.victim.page)),
    ] {
        let bytes = table.request(shim, line, &head, "");
        table.add("shim page", format!("{shim} {line}: {name}"), shim, &[403], bytes);
    }
    let path = line.split(' ').nth(1).unwrap_or_default();
    let asking = format!("Origin: {EVIL}\r\nAccess-Control-Request-Method: POST\r\n");
    let bytes = table.request(shim, &format!("OPTIONS {path}"), &asking, "");
    table.add("shim page", format!("{shim} {line}: asks first"), shim, &[403], bytes);
}

fn rebinding(table: &mut Table<'_>, shim: &str, line: &str) {
    let own = table.own(shim);
    let port = own.rsplit(':').next().unwrap_or_default().to_owned();
    let main = table.victim.own.clone();
    for host in [
        format!("evil.example:{port}"),
        "evil.example".to_owned(),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.:{port}"),
        main,
        String::new(),
    ] {
        let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nOrigin: {PAGE}\r\nConnection: close\r\n\r\n");
        let name = format!("{shim} {line}: Host {host}");
        table.add("shim rebinding", name, shim, &[400, 421], head.into_bytes());
    }
}

/// A listed page shows somebody else's picture or script; what it loads is not what the address gives.
fn wrong_loads(table: &mut Table<'_>) {
    for (shim, line, dest) in [
        ("huashi-19196", "GET /readcard", "image"),
        ("huashi-19196", "GET /readcard", "script"),
        ("xinzhongxin-8989", "GET /api/ReadMsg", "image"),
        ("xinzhongxin-8989", "GET /api/ReadMsg", "script"),
        ("xinzhongxin-8989", "GET /api/ReadMsg?callback=f", "image"),
        ("xinzhongxin-8989", "GET /api/ReadMsg?callback=f", "iframe"),
        ("liangtian-38088", "GET /video=stream", "script"),
        ("liangtian-38088", "GET /video=grabimage", "image"),
        ("liangtian-38088", "POST /video=grabimage", "empty"),
    ] {
        let head = format!("Referer: {PAGE}/\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: {dest}\r\n");
        let bytes = table.request(shim, line, &head, "");
        table.add("shim load", format!("{line} as {dest}"), shim, &[403], bytes);
    }
}

/// Nothing that a page names is opened, written or deleted, even a listed one.
fn paths_of_pages(table: &mut Table<'_>) {
    let origin = format!("Origin: {PAGE}\r\n");
    for place in ["/etc/passwd", "..%2f..%2fetc%2fpasswd", "file:///etc/passwd", "C:/Windows/win.ini"] {
        for line in [
            format!("GET /{place}"),
            format!("GET /readfile&picpath={place}"),
            format!("GET /readcard/../{place}"),
        ] {
            let bytes = table.request("huashi-19196", &line, &origin, "");
            table.add("shim path", line, "huashi-19196", &[400, 404], bytes);
        }
        // These answer that they cannot, in the maker's own words.
        let body = format!("{{\"filepath\": \"{place}\", \"picfilepath\": \"{place}\", \"camidx\": \"9\"}}");
        for path in ["/video=ocr", "/pdf=save", "/video=grabimage", "/video=record", "/file=delete"] {
            let bytes = table.request("liangtian-38088", &format!("POST {path}"), &origin, &body);
            table.add("shim path", format!("POST {path} of {place}"), "liangtian-38088", &[200], bytes);
        }
    }
}

fn odd_calls(table: &mut Table<'_>) {
    let origin = format!("Origin: {PAGE}\r\n");
    for callback in [
        "alert(1)//",
        "%3Cscript%3E",
        "a%0d%0aX:%20y",
        "a;b",
        "",
        &"a".repeat(300),
        &format!("{ID_NUMBER}%0aFORGED"),
    ] {
        let line = format!("GET /api/ReadMsg?callback={callback}");
        let bytes = table.request("xinzhongxin-8989", &line, &origin, "");
        table.add("shim call", line, "xinzhongxin-8989", &[422], bytes);
    }
    for (shim, line, statuses) in [
        ("huashi-19196", "DELETE /readcard", [405]),
        ("huashi-19196", "PUT /readcard", [405]),
        ("xinzhongxin-8989", "POST /api/ReadMsg", [405]),
        ("liangtian-38088", "GET /card=idcard", [405]),
        ("liangtian-38088", "GET /video=grabimage", [405]),
        ("huashi-19196", "GET /v1/status", [404]),
        ("xinzhongxin-8989", "GET /console/", [404]),
    ] {
        let bytes = table.request(shim, line, &origin, "");
        table.add("shim call", format!("{shim} {line}"), shim, &statuses, bytes);
    }
    let long = "a".repeat(100 << 10);
    let bytes = table.request("liangtian-38088", "POST /pdf=addimage", &origin, &long);
    table.add("shim call", "a long body".to_owned(), "liangtian-38088", &[413], bytes);
    let coded = format!("{origin}Transfer-Encoding: xchunked\r\n");
    let bytes = table.request("liangtian-38088", "POST /card=idcard", &coded, "");
    table.add("shim call", "an odd coding".to_owned(), "liangtian-38088", &[400, 422], bytes);
}
