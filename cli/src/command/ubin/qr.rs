//! `titian ubin qr`: the address at which a business resolves, as a QR code. Needs no node.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};
use serde_json::json;

use super::identify::canonical;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;

/// Modules of white around a code (ISO/IEC 18004).
const QUIET: usize = 4;
/// Pixels of a module in a PNG.
const SCALE: usize = 8;

/// Show the address of a business as a QR code, offline
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  titian ubin qr SG-UEN-199403865N-G7 --base https://ubin.example
  titian ubin qr SG-UEN-199403865N-G7 --base https://ubin.example --png code.png")]
pub(crate) struct Args {
    /// The identifier, in any spelling
    ubin: String,
    /// Address of the resolver
    #[arg(long, value_name = "URL", default_value = crate::client::DEFAULT_NODE)]
    base: String,
    /// Write a PNG image
    #[arg(long, value_name = "FILE", conflicts_with = "svg")]
    png: Option<PathBuf>,
    /// Write an SVG image
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Runs `titian ubin qr`.
pub(super) fn run(args: &Args) -> Result<Report> {
    let ubin = canonical(&args.ubin)?;
    let base = args.base.trim_end_matches('/');
    if !["http://", "https://"].iter().any(|scheme| base.starts_with(scheme)) {
        return Err(CommandError::usage("--base is no address").hint("https://ubin.example"));
    }
    let address = format!("{base}/ubin/{ubin}");
    let code = QrCode::with_error_correction_level(&address, EcLevel::M)
        .map_err(|_| CommandError::usage("the address is too long for a QR code"))?;
    let grid = Grid::of(&code);
    let mut json = json!({ "ubin": ubin, "address": address, "modules": grid.rows() });
    let written = match (&args.png, &args.svg) {
        (Some(path), _) => {
            grid.write_png(path)?;
            Some(path)
        }
        (None, Some(path)) => {
            let image = code.render::<svg::Color<'_>>().min_dimensions(256, 256).build();
            document::write(path, &image)?;
            Some(path)
        }
        (None, None) => None,
    };
    let text = match written {
        Some(path) => {
            json["file"] = json!(path);
            format!("{address} in {}", path.display())
        }
        None => format!("{}\n{address}", grid.half_blocks()),
    };
    Ok(Report::new(text, json))
}

/// The modules of a code with its margin; true is dark.
struct Grid {
    width: usize,
    dark: Vec<bool>,
}

impl Grid {
    fn of(code: &QrCode) -> Self {
        let inner = code.width();
        let width = inner + 2 * QUIET;
        let mut dark = vec![false; width * width];
        for (i, color) in code.to_colors().into_iter().enumerate() {
            let at = (i / inner + QUIET) * width + i % inner + QUIET;
            if let Some(module) = dark.get_mut(at) {
                *module = color == Color::Dark;
            }
        }
        Self { width, dark }
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// Rows of `0` and `1`.
    fn rows(&self) -> Vec<String> {
        let digit = |dark: &bool| if *dark { '1' } else { '0' };
        self.dark.chunks(self.width).map(|row| row.iter().map(digit).collect()).collect()
    }

    /// Two rows a line, light modules drawn: right on dark terminals, and scanners read both.
    fn half_blocks(&self) -> String {
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

    fn write_png(&self, path: &Path) -> Result<()> {
        let side = self.width * SCALE;
        let pixels: Vec<u8> = (0..side * side)
            .map(|i| if self.is_dark(i % side / SCALE, i / side / SCALE) { 0 } else { 255 })
            .collect();
        let file = std::fs::File::create(path)
            .map_err(|error| CommandError::file("write", path, &error))?;
        let size = u32::try_from(side).map_err(|_| CommandError::bug("a QR code is small"))?;
        let mut encoder = png::Encoder::new(BufWriter::new(file), size, size);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&pixels)?;
            writer.finish()
        });
        written.map_err(|error| CommandError::refused(format!("{}: {error}", path.display())))
    }
}
