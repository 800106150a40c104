//! The credential library and other people's libraries (vc-api.md A§8 T4, T5): what one side issues
//! the other accepts, and refuses after one change; canonical forms are equal. The JavaScript
//! libraries stand in `tests/interop/vc/`, with their versions in its lock file.

mod differential;
mod documents;
mod embedded;
mod lists;
mod presentations;
mod scene;
mod sd_jwt;
mod tokens;
