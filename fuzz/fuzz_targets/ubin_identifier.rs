//! See `titian_fuzz::ubin::ubin_identifier`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| titian_fuzz::ubin::ubin_identifier(data));
