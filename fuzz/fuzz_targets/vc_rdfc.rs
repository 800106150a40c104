//! See `titian_fuzz::vc::vc_rdfc`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| titian_fuzz::vc::vc_rdfc(data));
