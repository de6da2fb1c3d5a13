//! The store in a file keeps every promise of the conformance suite; its clients are two stores in one file.

use cla_conformance::Fresh;
use cla_semaphore::Semaphores;

cla_conformance::conformance_tests!(|| {
    let folder = tempfile::tempdir().expect("a folder for the file");
    let path = folder.path().join("semaphores.db");
    let open = || {
        Semaphores::connect(&format!("sqlite:{}", path.display())).expect("the store is built in")
    };
    Fresh::clients(open(), open()).keep(folder)
});
