use seccompiler::*;
use std::collections::BTreeMap;
fn main() {
    let t = std::thread::spawn(|| {
        let f = SeccompFilter::new(
            BTreeMap::from([(libc::SYS_openat, vec![])]),
            SeccompAction::Allow,
            SeccompAction::Errno(libc::ESTALE as u32),
            TargetArch::x86_64,
        )
        .unwrap();
        let p: BpfProgram = f.try_into().unwrap();
        apply_filter(&p).unwrap();
        println!("{:?}", std::fs::File::open("/etc/passwd"));
    });
    t.join().unwrap();
    println!("{:?}", std::fs::File::open("/etc/passwd").is_ok());
}
