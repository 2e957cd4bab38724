//! The commands of a reading and nothing else: one connection that is kept, no turn, no check, no parsing.

use std::ffi::CString;

use pcsc::{Card, Context, Protocols, Scope, ShareMode};
use yidang_idcard::frame::Command;

use crate::Failure;
use crate::form::Form;

/// The loop.
pub(crate) struct Bare {
    card: Card,
    form: Form,
    commands: Vec<Vec<u8>>,
}

impl Bare {
    pub(crate) fn connect(reader: &str, form: Form) -> Result<Self, Failure> {
        let context = Context::establish(Scope::User)?;
        let (share, protocols) = match form {
            Form::Paged => (ShareMode::Shared, Protocols::ANY),
            Form::Escape => (ShareMode::Direct, Protocols::UNDEFINED),
        };
        let card = context.connect(&CString::new(reader)?, share, protocols)?;
        let commands = match form {
            Form::Paged => (0..6)
                .map(|page| vec![0xFF, 0xB0, page, 0x00, 0x00])
                .chain([vec![0x00, 0x36, 0x00, 0x00, 0x08]])
                .collect(),
            // As of a card that lies there: the module does not find it a second time, and reads it.
            Form::Escape => {
                [Command::Find, Command::ReadCard, Command::ReadNewAddress].map(Command::to_frame).into()
            }
        };
        Ok(Self { card, form, commands })
    }

    pub(crate) fn commands(&self) -> usize {
        self.commands.len()
    }

    pub(crate) fn read(&self) -> Result<(), Failure> {
        let mut buffer = [0; 4096];
        for command in &self.commands {
            match self.form {
                Form::Paged => self.card.transmit(command, &mut buffer)?,
                Form::Escape => self.card.control(pcsc::ctl_code(1), command, &mut buffer)?,
            };
        }
        Ok(())
    }
}
