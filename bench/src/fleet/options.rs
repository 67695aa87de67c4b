//! What the command line says.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Failed;
use crate::fleet::reader::Through;
use crate::fleet::scene::{self, Course, Scene};

/// Runs of one scene, and where they are drawn.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) scene: Scene,
    /// One run for each: the first for itself, the others to compare it with.
    pub(super) through: Vec<Through>,
    /// What happened in the first run is written there, one record a line.
    pub(super) history: Option<PathBuf>,
    /// The first run, and one without leads, are drawn there.
    pub(super) plot: Option<PathBuf>,
}

impl Options {
    /// Options come in pairs of a name and a value, but for `--peers`. The scene says what they
    /// are by default.
    pub(super) fn parse(arguments: &[&str]) -> Result<Self, Failed> {
        let peers = arguments.contains(&"--peers");
        let in_pairs = |one: &&str| *one != "--peers";
        let arguments: Vec<&str> = arguments.iter().copied().filter(in_pairs).collect();
        let (pairs, rest) = arguments.as_chunks::<2>();
        if let [alone] = rest {
            return Err(wrong(&format!("`{alone}` stands alone")));
        }
        let name = pairs.iter().rfind(|[option, _]| *option == "--scene");
        let default = match peers {
            true => scene::BESIDE_PEERS,
            false => scene::ALL[0],
        };
        let mut options = Self {
            scene: name.map_or(Ok(default), |[_, name]| named(name))?,
            through: vec![Through::Memcached],
            history: None,
            plot: None,
        };
        for [option, value] in pairs {
            options.set(option, value)?;
        }
        if peers {
            options.add(Through::PEERS);
        }
        if options.plot.is_some() {
            options.add(&[Through::NoLeads]);
        }
        Ok(options)
    }

    fn add(&mut self, others: &[Through]) {
        for other in others {
            if !self.through.contains(other) {
                self.through.push(*other);
            }
        }
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), Failed> {
        let scene = &mut self.scene;
        match option {
            "--scene" => {} // was read before
            "--processes" => scene.processes = number(option, value, 1_000)?,
            "--tasks" => scene.tasks = number(option, value, 100_000)?,
            "--keys" => scene.keys = number(option, value, 1_000_000)?,
            "--seconds" => match &mut scene.course {
                Course::Steady { seconds } => *seconds = number(option, value, 1_000_000)?,
                Course::Rounds { .. } => {
                    let problem = format!("`{}` ends by itself: no --seconds", scene.name);
                    return Err(wrong(&problem));
                }
            },
            "--l1" => {
                scene.l1 = match value {
                    "on" => true,
                    "off" => false,
                    _ => return Err(wrong(&format!("--l1 {value}: on or off"))),
                }
            }
            "--backend" => {
                let through = Through::ALL.iter().find(|one| one.name() == value);
                let problem = || wrong(&format!("there is no backend `{value}`"));
                self.through = vec![*through.ok_or_else(problem)?];
            }
            "--history" => self.history = Some(PathBuf::from(value)),
            "--plot" => self.plot = Some(PathBuf::from(value)),
            _ => return Err(wrong(&format!("there is no option `{option}`"))),
        }
        Ok(())
    }
}

fn named(name: &str) -> Result<Scene, Failed> {
    let scene = scene::ALL.iter().find(|scene| scene.name == name);
    scene
        .copied()
        .ok_or_else(|| wrong(&format!("there is no scene `{name}`")))
}

/// At least one.
fn number<N: FromStr + PartialOrd + From<u8> + Copy + std::fmt::Display>(
    option: &str,
    value: &str,
    most: N,
) -> Result<N, Failed> {
    let number = value.parse().ok();
    number
        .filter(|&number| number >= N::from(1) && number <= most)
        .ok_or_else(|| {
            wrong(&format!(
                "{option} {value}: a whole number between 1 and {most}"
            ))
        })
}

fn wrong(problem: &str) -> Failed {
    format!("{problem}\n\n{}", usage()).into()
}

pub(super) fn usage() -> String {
    let scenes: Vec<_> = scene::ALL
        .iter()
        .map(|scene| format!("  {:<12} {}", scene.name, scene.what))
        .collect();
    let backends: Vec<_> = Through::ALL.iter().map(|one| one.name()).collect();
    format!(
        "usage: fleet [--scene NAME] [--processes N] [--tasks N] [--keys N] \
         [--seconds N]\n             [--backend NAME] [--l1 on|off] [--peers] [--history FILE] [--plot FILE.svg]\n\n\
         scenes:\n{}\nbackends: {}",
        scenes.join("\n"),
        backends.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_is_changed_by_the_options_before_and_after_its_name() {
        let options = ["--keys", "7", "--scene", "churn", "--l1", "off"];
        let options = Options::parse(&options).unwrap();
        let scene = options.scene;
        assert_eq!((scene.name, scene.keys, scene.l1), ("churn", 7, false));
        assert_eq!(options.through, [Through::Memcached]);
    }

    #[test]
    fn others_run_after_what_was_asked_for_and_once() {
        let through = |arguments: &[&str]| Options::parse(arguments).unwrap().through;
        assert_eq!(through(&["--peers"]), Through::PEERS);
        let drawn = ["--plot", "f.svg"];
        assert_eq!(through(&drawn), [Through::Memcached, Through::NoLeads]);
        let both = ["--plot", "f.svg", "--peers"];
        assert_eq!(through(&both), Through::PEERS);
        let blind = ["--backend", "blind", "--plot", "f.svg"];
        assert_eq!(through(&blind), [Through::Blind, Through::NoLeads]);
    }

    #[test]
    fn beside_peers_there_is_one_server_and_no_l1_which_some_have_not() {
        let scene = Options::parse(&["--peers"]).unwrap().scene;
        assert_eq!((scene.servers, scene.l1, scene.keys), (1, false, 100));
        let scene = Options::parse(&["--scene", "cold", "--peers"])
            .unwrap()
            .scene;
        assert_eq!(scene.name, "cold");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_usage() {
        for (arguments, problem) in [
            (&["--keys"] as &[&str], "`--keys` stands alone"),
            (&["--keys", "0"], "--keys 0: a whole number"),
            (&["--tasks", "many"], "--tasks many: a whole number"),
            (&["--key", "7"], "no option `--key`"),
            (&["--scene", "hot"], "no scene `hot`"),
            (&["--backend", "redis"], "no backend `redis`"),
            (&["--l1", "yes"], "--l1 yes: on or off"),
            (
                &["--scene", "cold", "--seconds", "9"],
                "`cold` ends by itself",
            ),
        ] {
            let said = Options::parse(arguments).unwrap_err().to_string();
            assert!(said.contains(problem), "{said}");
            assert!(said.contains("usage: fleet"), "{said}");
        }
    }
}
