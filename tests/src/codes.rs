//! QR codes in pictures, read with another library than the one that draws them.

use std::path::Path;

use regex::Regex;

/// What the one code of a picture of `width` × `height` says; `dark` tells its pixels.
///
/// # Panics
/// If there is none, or more than one.
pub fn read(width: usize, height: usize, dark: impl Fn(usize, usize) -> bool) -> String {
    let shade = |x: usize, y: usize| if dark(x, y) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, shade);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code");
    grids[0].decode().expect("it decodes").1
}

/// What the code in a PNG file says.
///
/// # Panics
/// If the file is no such picture.
pub fn read_png(path: &Path) -> String {
    let file = std::fs::File::open(path).expect("written");
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
    let info = reader.next_frame(&mut pixels).expect("one frame");
    let (width, height) = (info.width as usize, info.height as usize);
    read(width, height, |x, y| pixels[y * width + x] < 128)
}

/// What the code in an SVG says, also one inside a page: dark squares on a light ground.
///
/// # Panics
/// If there is no such picture.
pub fn read_svg(text: &str) -> String {
    let (_, image) = text.split_once("<svg").expect("an image");
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let size = Regex::new(r#"width="(\d+)" height="(\d+)""#).expect("a pattern");
    let size = size.captures(image).expect("a size");
    let (width, height) = (number(&size[1]), number(&size[2]));
    let mut dark = vec![false; width * height];
    let square = Regex::new(r"M(\d+) (\d+)h(\d+)v(\d+)H\d+V\d+").expect("a pattern");
    for drawn in square.captures_iter(image) {
        let [left, top, wide, high] = [1, 2, 3, 4].map(|group| number(&drawn[group]));
        for y in top..top + high {
            dark[y * width + left..][..wide].fill(true);
        }
    }
    read(width, height, |x, y| dark[y * width + x])
}
