//! cla-stdlib
