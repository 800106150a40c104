//! QR codes of credentials through pictures: PNG, JPEG, the terminal, several parts.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::vc_desk::Desk;

/// A greyscale JPEG of a matrix, each module a block of 8 × 8 pixels: only the mean of a block is
/// coded (ITU-T T.81, baseline).
fn jpeg(rows: &[&str]) -> Vec<u8> {
    let side = u16::try_from(rows.len() * 8).expect("small");
    let mut out = vec![0xff, 0xd8];
    let mut segment = |marker: u8, body: &[u8]| {
        out.extend([0xff, marker]);
        out.extend(u16::try_from(body.len() + 2).expect("small").to_be_bytes());
        out.extend(body);
    };
    segment(0xdb, &[&[0][..], &[4; 64]].concat());
    let [high, low] = side.to_be_bytes();
    segment(0xc0, &[8, high, low, high, low, 1, 1, 0x11, 0]);
    // differences of no bits (code 00) and of 8 (code 01); no other coefficient (code 0)
    segment(0xc4, &[&[0x00, 0, 2][..], &[0; 14], &[0, 8]].concat());
    segment(0xc4, &[&[0x10, 1][..], &[0; 15], &[0]].concat());
    segment(0xda, &[1, 1, 0, 0, 63, 0]);
    let mut bits = Bits::default();
    let mut last = 0_i32;
    for row in rows {
        // every block of a row of modules; 8 pixels high, as the module is
        for module in row.bytes() {
            let mean = if module == b'1' { 0 } else { 252 };
            let difference = mean - last;
            last = mean;
            if difference == 0 {
                bits.put(0b00, 2);
            } else {
                bits.put(0b01, 2);
                let value = if difference < 0 { difference + 255 } else { difference };
                bits.put(u32::try_from(value).expect("8 bits"), 8);
            }
            bits.put(0, 1);
        }
    }
    out.extend(bits.finish());
    out.extend([0xff, 0xd9]);
    out
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u32) {
        for bit in (0..bits).rev() {
            self.held = self.held << 1 | (value >> bit & 1);
            self.count += 1;
            if self.count == 8 {
                self.push();
            }
        }
    }

    fn push(&mut self) {
        let byte = (self.held & 0xff) as u8;
        self.bytes.push(byte);
        // a marker cannot stand in the data
        if byte == 0xff {
            self.bytes.push(0);
        }
        (self.held, self.count) = (0, 0);
    }

    fn finish(mut self) -> Vec<u8> {
        while self.count != 0 {
            self.put(1, 1);
        }
        self.bytes
    }
}

fn rows(symbol: &Json) -> Vec<&str> {
    symbol["modules"].as_array().expect("rows").iter().filter_map(Json::as_str).collect()
}

fn scanned(desk: &Desk, pictures: &[&str]) -> String {
    let ran = desk.titian(&[&["vc", "scan"][..], pictures].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("a copy scans as well as the original"), "{ran:?}");
    ran.stdout.trim_end().to_owned()
}

#[test]
fn t11_a_credential_goes_through_a_png_and_a_jpeg_and_verifies() {
    let desk = Desk::new();
    let token = desk.token(7);
    desk.write("extract.jwt", &token);
    desk.write("trust.ttb", &desk.bundle(&["SG:ACRA"]));
    let ran = desk.titian(&["vc", "qr", "extract.jwt", "-o", "code.png", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let json = ran.json();
    assert_eq!(json["holderBinding"], false);
    assert_eq!(json["symbols"].as_array().map(Vec::len), Some(1));
    let symbol = &json["symbols"][0];
    assert!(symbol["version"].as_u64().expect("a version") <= 25, "{}", symbol["version"]);
    fs::write(desk.path("code.jpg"), jpeg(&rows(symbol))).expect("written");
    for picture in ["code.png", "code.jpg"] {
        assert_eq!(scanned(&desk, &[picture]), token, "{picture}");
        let ran = desk.verify(picture, "trust.ttb", &["--json"]);
        assert_eq!(ran.code, 0, "{picture}: {ran:?}");
        let direct = desk.verify("extract.jwt", "trust.ttb", &["--json"]);
        let without_time = |ran: &super::Ran| {
            let mut verdict = ran.json();
            verdict["now"] = Json::Null;
            verdict["trust"]["ageSeconds"] = Json::Null;
            verdict
        };
        assert_eq!(without_time(&ran), without_time(&direct));
    }
    let svg = desk.titian(&["vc", "qr", "extract.jwt", "-o", "code.svg"]);
    assert_eq!(svg.code, 0, "{svg:?}");
    assert!(fs::read_to_string(desk.path("code.svg")).expect("written").contains("<svg"));
    assert_eq!(desk.titian(&["vc", "qr", "extract.jwt", "-o", "code.gif"]).code, 2);
    // what is drawn on the terminal is the same matrix, light modules as blocks
    let drawn = desk.titian(&["vc", "qr", "extract.jwt"]);
    let lines: Vec<Vec<char>> = drawn.stdout.lines().map(|line| line.chars().collect()).collect();
    let light = |x: usize, y: usize| match lines[y / 2][x] {
        '█' => true,
        '▀' => y.is_multiple_of(2),
        '▄' => !y.is_multiple_of(2),
        _ => false,
    };
    for (y, row) in rows(symbol).iter().enumerate() {
        for (x, module) in row.bytes().enumerate() {
            assert_eq!(light(x, y), module == b'0', "{x} {y}");
        }
    }
}

#[test]
fn t11_parts_in_several_pictures_come_in_any_order_and_none_may_miss() {
    let desk = Desk::new();
    // a long list of codes makes it too large for one symbol
    let mut credential: Json = serde_json::from_str(&desk.embedded(7)).expect("JSON");
    let noise: Vec<String> =
        (0..60_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    credential["credentialSubject"]["activities"] = json!(noise);
    desk.write("large.json", &credential.to_string());
    let ran = desk.titian(&["vc", "qr", "large.json", "-o", "part.png", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let count = ran.json()["symbols"].as_array().map(Vec::len).expect("parts");
    assert!(count >= 2, "{count}");
    let mut names: Vec<String> = (1..=count).map(|i| format!("part.{i}.png")).collect();
    assert!(names.iter().all(|name| Path::new(&desk.path(name)).is_file()));
    names.reverse();
    let pictures: Vec<&str> = names.iter().map(String::as_str).collect();
    let back: Json = serde_json::from_str(&scanned(&desk, &pictures)).expect("JSON");
    assert_eq!(back, credential);
    let ran = desk.titian(&[&["vc", "scan"][..], &pictures[1..]].concat());
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("missing"), "{ran:?}");
    let alone = desk.titian(&["verify", pictures[0], "--no-ledger"]);
    assert_eq!(alone.code, 3, "{alone:?}");
    assert!(alone.stderr.contains("titian vc scan"), "{alone:?}");
    // a part of another credential among them
    desk.write("other.json", &credential.to_string().replace("TITIAN", "OTHERS"));
    let other = desk.titian(&["vc", "qr", "other.json", "-o", "other.png", "--json"]);
    assert_eq!(other.json()["symbols"].as_array().map(Vec::len), Some(count));
    let mixed = [&["vc", "scan", "other.1.png"][..], &pictures[..count - 1]].concat();
    assert_eq!(desk.titian(&mixed).code, 3);
}

#[test]
fn t11_a_code_with_an_address_is_not_opened_and_no_credential() {
    let desk = Desk::new();
    let args = [
        "ubin",
        "qr",
        "SG-UEN-199403865N-G7",
        "--base",
        "https://ubin.example",
        "--png",
        "url.png",
    ];
    assert_eq!(desk.titian(&args).code, 0);
    let ran = desk.titian(&["vc", "scan", "url.png"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("was not opened"), "{ran:?}");
    assert_eq!(desk.titian(&["verify", "url.png", "--no-ledger"]).code, 3);
    fs::write(desk.path("blank.jpg"), jpeg(&["0000", "0000", "0000", "0000"])).expect("written");
    assert_eq!(desk.titian(&["vc", "scan", "blank.jpg"]).code, 3);
    desk.write("text.png", "no picture");
    assert_eq!(desk.titian(&["vc", "scan", "text.png"]).code, 2);
    fs::write(desk.path("broken.png"), b"\x89PNG\r\n\x1a\nbroken").expect("written");
    assert_eq!(desk.titian(&["vc", "scan", "broken.png"]).code, 2);
}

#[test]
fn t11_a_holder_answers_a_verifiers_code_and_only_that_one() {
    let desk = Desk::new();
    let args =
        ["vc", "holder", "new", "ana", "--insecure-devnet", "--wallet", "wallet.json", "--json"];
    let ran = desk.titian(&args);
    assert_eq!(ran.code, 0, "{ran:?}");
    let jwk = ran.json()[0]["jwk"].clone();
    desk.write("mandate.sdjwt", &desk.mandate(7, &jwk));
    desk.write("trust.ttb", &desk.bundle(&["SG:ACRA"]));
    // the verifier shows its nonce; the holder scans it
    let asked = desk.titian(&["vc", "qr", "--ask", "did:ubin:SG:PEB", "-o", "ask.png", "--json"]);
    let kept = desk.titian(&["vc", "scan", "ask.png", "-o", "ask.txt"]);
    assert_eq!(kept.code, 0, "{kept:?}");
    let code = fs::read_to_string(desk.path("ask.txt")).expect("written");
    assert_eq!(code.trim_end(), asked.json()["symbols"][0]["text"]);
    let nonce = asked.json()["nonce"].as_str().expect("a nonce").to_owned();
    let read = desk.titian(&["vc", "scan", "ask.png", "--json"]).json();
    assert_eq!((&read["nonce"], &read["audience"]), (&json!(nonce), &json!("did:ubin:SG:PEB")));
    let text = asked.json()["symbols"][0]["text"].as_str().expect("a text").to_owned();
    let present = [
        "vc",
        "present",
        "mandate.sdjwt",
        "--disclose",
        "family_name",
        "--nonce",
        &text,
        "--wallet",
        "wallet.json",
        "-o",
        "pres.txt",
    ];
    let ran = desk.titian(&present);
    assert_eq!(ran.code, 0, "{ran:?}");
    // a newer presentation may take its place; the credential itself is written over by none
    assert_eq!(desk.titian(&present).code, 0);
    let before = fs::read_to_string(desk.path("mandate.sdjwt")).expect("kept");
    desk.write("other.sdjwt", &desk.mandate(8, &jwk));
    for out in ["mandate.sdjwt", "./mandate.sdjwt", "other.sdjwt"] {
        let ran = desk.titian(&[&present[..present.len() - 1], &[out]].concat());
        assert_eq!(ran.code, 2, "{out}: {ran:?}");
    }
    assert_eq!(fs::read_to_string(desk.path("mandate.sdjwt")).expect("kept"), before);
    // who names no nonce is told that it may be a copy
    let careless = desk.verify("pres.txt", "trust.ttb", &[]);
    assert_eq!(careless.code, 0, "{careless:?}");
    assert!(careless.stdout.contains("may be a copy"), "{careless:?}");
    let shown = desk.titian(&["vc", "show", "pres.txt", "--json"]).json();
    assert_eq!(shown["document"]["family_name"], "Example");
    assert!(shown["document"]["given_name"].is_null(), "{shown}");
    assert_eq!(shown["disclosed"], json!(["family_name"]));
    // as a code of its own, which says that it is bound
    let code = desk.titian(&["vc", "qr", "pres.txt", "-o", "pres.png", "--json"]);
    assert_eq!(code.json()["holderBinding"], true, "{code:?}");
    for file in ["pres.txt", "pres.png"] {
        let more = ["--nonce", &nonce, "--audience", "did:ubin:SG:PEB", "--json"];
        let ran = desk.verify(file, "trust.ttb", &more);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!ran.stdout.contains("Example"), "a verdict holds no claim");
    }
    for more in [
        ["--nonce", "n-another", "--audience", "did:ubin:SG:PEB"],
        ["--nonce", &nonce, "--audience", "did:ubin:SG:OTHER"],
    ] {
        assert_eq!(desk.verify("pres.txt", "trust.ttb", &more).code, 3, "{more:?}");
    }
    // the bare credential where a binding is asked for
    let bare = desk.verify("mandate.sdjwt", "trust.ttb", &["--nonce", &nonce]);
    assert_eq!(bare.code, 3, "{bare:?}");
    let bare = desk.verify("mandate.sdjwt", "trust.ttb", &["--require", "holder"]);
    assert_eq!(bare.code, 3, "{bare:?}");
    // its type binds it to a key, which nobody has shown: the rules of the ledger ask for it
    assert_eq!(desk.verify("mandate.sdjwt", "trust.ttb", &[]).code, 3);
    assert_eq!(desk.verify("mandate.sdjwt", "trust.ttb", &["--policy", "w3c"]).code, 0);
    // somebody else's wallet
    let other = ["vc", "holder", "new", "bo", "--insecure-devnet", "--wallet", "bo.json"];
    assert_eq!(desk.titian(&other).code, 0);
    let stolen = ["vc", "present", "mandate.sdjwt", "--nonce", &text, "--wallet", "bo.json"];
    assert_eq!(desk.titian(&stolen).code, 2);
    let wrong = [
        "vc",
        "present",
        "mandate.sdjwt",
        "--disclose",
        "iban",
        "--nonce",
        &text,
        "--wallet",
        "wallet.json",
    ];
    assert_eq!(desk.titian(&wrong).code, 2);
}

#[test]
fn t16_a_damaged_picture_is_read_or_refused() {
    let desk = Desk::new();
    desk.write("extract.jwt", &desk.token(7));
    let json = desk.titian(&["vc", "qr", "extract.jwt", "-o", "code.png", "--json"]).json();
    let png = fs::read(desk.path("code.png")).expect("written");
    for (name, picture) in [("bad.png", png), ("bad.jpg", jpeg(&rows(&json["symbols"][0])))] {
        // the heads of both formats, then every part of the data
        let heads = (3..picture.len().min(90)).step_by(7);
        let data = (90..picture.len()).step_by(picture.len() / 20);
        for at in heads.chain(data) {
            let mut bad = picture.clone();
            bad[at] ^= 0xff;
            fs::write(desk.path(name), bad).expect("written");
            let ran = desk.titian(&["vc", "scan", name]);
            assert!([0, 2, 3].contains(&ran.code), "{name}, byte {at}: {ran:?}");
        }
        fs::write(desk.path(name), &picture[..picture.len() / 2]).expect("written");
        assert!([2, 3].contains(&desk.titian(&["vc", "scan", name]).code), "{name}, cut");
    }
}
