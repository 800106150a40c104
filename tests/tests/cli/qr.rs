//! QR codes of the resolver's address, read back with another library.

use titian_tests::codes;

use super::{titian, titian_in};

const UBIN: &str = "SG-UEN-199403865N-G7";
const ADDRESS: &str = "https://ubin.example/ubin/SG-UEN-199403865N-G7";

#[test]
fn t16_the_code_on_the_terminal_says_the_address_of_the_record() {
    let ran = titian(&["ubin", "qr", "sg uen 199403865n g7", "--base", "https://ubin.example/"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<Vec<char>> = ran.stdout.lines().map(|line| line.chars().collect()).collect();
    let (address, code) = lines.split_last().expect("lines");
    assert_eq!(address.iter().collect::<String>(), ADDRESS);
    let width = code[0].len();
    assert!(code.iter().all(|line| line.len() == width));
    // what is drawn is light: a block is two modules, one above the other
    let light = |x: usize, y: usize| match code[y / 2][x] {
        '█' => true,
        '▀' => y.is_multiple_of(2),
        '▄' => !y.is_multiple_of(2),
        _ => false,
    };
    let scale = 4;
    let size = width * scale;
    assert_eq!(codes::read(size, size, |x, y| !light(x / scale, y / scale)), ADDRESS);
}

#[test]
fn t16_the_code_in_an_image_says_the_address_of_the_record() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let args = ["ubin", "qr", UBIN, "--base", "https://ubin.example", "--png", "code.png"];
    let ran = titian_in(folder.path(), &[], &args);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(codes::read_png(&folder.path().join("code.png")), ADDRESS);

    let args = ["ubin", "qr", UBIN, "--base", "https://ubin.example", "--svg", "code.svg"];
    let ran = titian_in(folder.path(), &[], &args);
    assert_eq!(ran.code, 0, "{ran:?}");
    let image = std::fs::read_to_string(folder.path().join("code.svg")).expect("written");
    assert_eq!(codes::read_svg(&image), ADDRESS);
}

#[test]
fn t16_the_matrix_is_in_the_answer_for_programs() {
    let ran = titian(&["ubin", "qr", UBIN, "--base", "https://ubin.example", "--json"]);
    let json = ran.json();
    assert_eq!(json["address"], ADDRESS);
    let rows: Vec<&str> =
        json["modules"].as_array().expect("rows").iter().filter_map(|row| row.as_str()).collect();
    let size = rows.len() * 3;
    let dark = |x: usize, y: usize| rows[y / 3].as_bytes()[x / 3] == b'1';
    assert_eq!(codes::read(size, size, dark), ADDRESS);
}

#[test]
fn t16_a_mistyped_number_or_a_base_that_is_no_address_makes_no_code() {
    let ran = titian(&["ubin", "qr", "SG-UEN-1994O3865N-G7"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains(UBIN), "{ran:?}");
    assert_eq!(titian(&["ubin", "qr", UBIN, "--base", "ubin.example"]).code, 2);
}
