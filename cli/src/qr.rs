//! QR codes: on the terminal, as SVG, as PNG.

use std::path::Path;

use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::error::{CommandError, Result};
use crate::wallet::write_private;

/// Modules of white around a code (ISO/IEC 18004).
const QUIET: usize = 4;
/// Pixels of a module in a PNG.
const SCALE: usize = 8;

/// A QR code with its margin.
pub(crate) struct Image {
    code: QrCode,
    width: usize,
    /// Row by row; true is dark.
    dark: Vec<bool>,
}

impl Image {
    /// The code of a text: with error correction M, or L where M has no room; `None` if a text is too
    /// long for both.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let levels = [EcLevel::M, EcLevel::L];
        let code = levels
            .iter()
            .find_map(|level| QrCode::with_error_correction_level(text, *level).ok())?;
        let inner = code.width();
        let width = inner + 2 * QUIET;
        let mut dark = vec![false; width * width];
        for (i, color) in code.to_colors().into_iter().enumerate() {
            let at = (i / inner + QUIET) * width + i % inner + QUIET;
            if let Some(module) = dark.get_mut(at) {
                *module = color == Color::Dark;
            }
        }
        Some(Self { code, width, dark })
    }

    /// The version, 1 to 40; larger ones are harder to scan.
    pub(crate) fn version(&self) -> i16 {
        match self.code.version() {
            Version::Normal(version) | Version::Micro(version) => version,
        }
    }

    /// Writes a file; its name says the form, `.svg` or `.png`.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        match path.extension().and_then(std::ffi::OsStr::to_str) {
            Some("svg") => self.write_svg(path),
            Some("png") => self.write_png(path),
            _ => Err(CommandError::usage(format!("{}: .svg or .png", path.display()))),
        }
    }

    /// An SVG image, at least so many units wide.
    pub(crate) fn svg(&self, side: u32) -> String {
        self.code.render::<svg::Color<'_>>().min_dimensions(side, side).build()
    }

    /// Writes an SVG image.
    pub(crate) fn write_svg(&self, path: &Path) -> Result<()> {
        write(path, self.svg(256).as_bytes())
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// Rows of `0` and `1`.
    pub(crate) fn rows(&self) -> Vec<String> {
        let digit = |dark: &bool| if *dark { '1' } else { '0' };
        self.dark.chunks(self.width).map(|row| row.iter().map(digit).collect()).collect()
    }

    /// Two rows a line, light modules drawn: right on dark terminals, and scanners read both.
    pub(crate) fn half_blocks(&self) -> String {
        let block = |x: usize, y: usize| {
            let below = y + 1 < self.width && !self.is_dark(x, y + 1);
            match (!self.is_dark(x, y), below) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            }
        };
        let lines: Vec<String> = (0..self.width)
            .step_by(2)
            .map(|y| (0..self.width).map(|x| block(x, y)).collect())
            .collect();
        lines.join("\n")
    }

    /// Writes a PNG image.
    pub(crate) fn write_png(&self, path: &Path) -> Result<()> {
        let side = self.width * SCALE;
        let pixels: Vec<u8> = (0..side * side)
            .map(|i| if self.is_dark(i % side / SCALE, i / side / SCALE) { 0 } else { 255 })
            .collect();
        let mut image = Vec::new();
        let size = u32::try_from(side).map_err(|_| CommandError::bug("a QR code is small"))?;
        let mut encoder = png::Encoder::new(&mut image, size, size);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&pixels)?;
            writer.finish()
        });
        written.map_err(|error| CommandError::refused(format!("{}: {error}", path.display())))?;
        write(path, &image)
    }
}

/// Whoever reads the image holds what it codes.
fn write(path: &Path, image: &[u8]) -> Result<()> {
    write_private(path, image).map_err(|error| CommandError::file("write", path, &error))
}
