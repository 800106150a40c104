//! See `titian_fuzz::vc::vc_jws`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| titian_fuzz::vc::vc_jws(data));
