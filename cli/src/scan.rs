//! Pictures to the texts of the QR codes in them: PNG and JPEG.
//!
//! Invariant: a text that was found is returned, never acted upon; a URL in a code is not opened.

use std::io::Cursor;

use rqrr::PreparedImage;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::{CommandError, Kind, Result};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";
/// Pixels of a side.
const SIDE_MAX: usize = 8_192;

/// Brightness of each pixel, row by row.
struct Picture {
    width: usize,
    height: usize,
    shades: Vec<u8>,
}

/// Whether a file is a picture that [`texts`] reads.
pub(crate) fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(PNG) || bytes.starts_with(JPEG)
}

/// The texts of all codes in a picture, in the order in which they are found. At least one.
pub(crate) fn texts(bytes: &[u8]) -> Result<Vec<String>> {
    let picture = if bytes.starts_with(PNG) { read_png(bytes) } else { read_jpeg(bytes) };
    let picture = picture.ok_or_else(|| {
        CommandError::usage(format!(
            "the picture cannot be read; PNG and JPEG of at most {SIDE_MAX} pixels a side are taken"
        ))
    })?;
    let shade =
        |x: usize, y: usize| picture.shades.get(y * picture.width + x).copied().unwrap_or(u8::MAX);
    let mut image = PreparedImage::prepare_from_greyscale(picture.width, picture.height, shade);
    let found: Vec<String> = image
        .detect_grids()
        .iter()
        .filter_map(|grid| grid.decode().ok())
        .map(|(_, text)| text)
        .collect();
    if found.is_empty() {
        return Err(CommandError::new(Kind::NotProven, "no QR code can be read in the picture")
            .hint("a sharp picture of the whole code, light around it, reads best"));
    }
    Ok(found)
}

fn read_png(bytes: &[u8]) -> Option<Picture> {
    let mut decoder = png::Decoder::new_with_limits(
        Cursor::new(bytes),
        png::Limits { bytes: SIDE_MAX * SIDE_MAX * 4 },
    );
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if width > SIDE_MAX || height > SIDE_MAX {
        return None;
    }
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut pixels).ok()?;
    let shades = match info.color_type {
        png::ColorType::Grayscale => pixels,
        png::ColorType::GrayscaleAlpha => {
            pixels.as_chunks::<2>().0.iter().map(|[l, a]| over_white(*l, *a)).collect()
        }
        png::ColorType::Rgb => {
            pixels.as_chunks::<3>().0.iter().map(|[r, g, b]| luma(*r, *g, *b)).collect()
        }
        png::ColorType::Rgba => pixels
            .as_chunks::<4>()
            .0
            .iter()
            .map(|[r, g, b, a]| over_white(luma(*r, *g, *b), *a))
            .collect(),
        png::ColorType::Indexed => return None,
    };
    Some(Picture { width, height, shades })
}

fn read_jpeg(bytes: &[u8]) -> Option<Picture> {
    let options = DecoderOptions::default()
        .set_max_width(SIDE_MAX)
        .set_max_height(SIDE_MAX)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    let shades = decoder.decode().ok()?;
    let (width, height) = decoder.dimensions()?;
    (shades.len() == width.checked_mul(height)?).then_some(Picture { width, height, shades })
}

/// ITU-R BT.601, in whole numbers.
fn luma(r: u8, g: u8, b: u8) -> u8 {
    let sum = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b);
    u8::try_from(sum / 1_000).unwrap_or(u8::MAX)
}

/// What shows through is taken for white paper.
fn over_white(shade: u8, alpha: u8) -> u8 {
    let (shade, alpha) = (u32::from(shade), u32::from(alpha));
    u8::try_from((shade * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}
