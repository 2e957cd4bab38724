//! What can be adjusted, in the kernel's words and in ours.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use yidang_device::{Control, ControlName, DeviceCondition, DeviceError};

use crate::condition::{Stage, of};
use crate::ioctl;
use crate::layout::{DISABLED, GRABBED, INACTIVE, Menu, Query, READ_ONLY, Value, WRITE_ONLY};

/// The exposure menu: everything by itself, by hand, by hand but for the iris, by itself but for the iris.
const EXPOSURE_MODES: u32 = 4;
const EXPOSES_ALONE: [i32; 2] = [3, 0];
const EXPOSED_BY_HAND: [i32; 2] = [1, 2];

const fn id(name: ControlName) -> u32 {
    match name {
        ControlName::Brightness => 0x0098_0900,
        ControlName::Contrast => 0x0098_0901,
        ControlName::Saturation => 0x0098_0902,
        ControlName::WhiteBalanceAuto => 0x0098_090C,
        ControlName::Gain => 0x0098_0913,
        ControlName::PowerLineFrequency => 0x0098_0918,
        ControlName::WhiteBalance => 0x0098_091A,
        ControlName::Sharpness => 0x0098_091B,
        ControlName::ExposureAuto => 0x009A_0901,
        ControlName::Exposure => 0x009A_0902,
        ControlName::Focus => 0x009A_090A,
        ControlName::FocusAuto => 0x009A_090C,
        ControlName::Zoom => 0x009A_090D,
    }
}

/// Everything this camera lets adjust. A control whose value the camera does not give is left out.
pub(crate) fn all(node: BorrowedFd<'_>) -> Result<Vec<Control>, DeviceError> {
    let mut controls = Vec::new();
    for name in ControlName::ALL {
        match one(node, *name) {
            Ok(control) => controls.extend(control),
            Err(error) => {
                let error = of(error, Stage::Using, "G_CTRL");
                if error.condition == DeviceCondition::Lost {
                    return Err(error);
                }
            }
        }
    }
    Ok(controls)
}

/// How this control stands; `None` where the camera has none.
fn one(node: BorrowedFd<'_>, name: ControlName) -> Result<Option<Control>, Errno> {
    let mut query = Query { id: id(name), ..Query::default() };
    match ioctl::query_control(node, &mut query) {
        Err(Errno::INVAL | Errno::NOTTY) => return Ok(None),
        answer => answer?,
    }
    if query.flags & (DISABLED | READ_ONLY | WRITE_ONLY) != 0 {
        return Ok(None);
    }
    let mut value = Value { id: query.id, value: 0 };
    ioctl::get_control(node, &mut value)?;
    Ok(Some(control(name, &query, value.value)))
}

fn control(name: ControlName, query: &Query, value: i32) -> Control {
    let active = query.flags & (INACTIVE | GRABBED) == 0;
    let number = |value: i32| match name {
        ControlName::ExposureAuto => i64::from(EXPOSES_ALONE.contains(&value)),
        _ => i64::from(value),
    };
    let (min, max) = match name {
        ControlName::ExposureAuto => (0, 1),
        _ => (i64::from(query.min), i64::from(query.max)),
    };
    let step = i64::from(query.step).max(1);
    Control { name, min, max, step, default: number(query.default), value: number(value), active }
}

/// Adjusts one control.
pub(crate) fn set(node: BorrowedFd<'_>, name: ControlName, value: i64) -> Result<(), DeviceError> {
    let using = |e| of(e, Stage::Using, "S_CTRL");
    let control = one(node, name).map_err(using)?.ok_or_else(|| refused(name, "the camera has none"))?;
    if !control.active {
        return Err(refused(name, "the camera adjusts it by itself"));
    }
    let number = i32::try_from(value).ok().filter(|_| (control.min..=control.max).contains(&value));
    let number = number.ok_or_else(|| refused(name, "outside its range"))?;
    let number = match name {
        ControlName::ExposureAuto => exposure_mode(node, value).map_err(using)?,
        _ => Some(number),
    };
    let number = number.ok_or_else(|| refused(name, "the camera has no such mode"))?;
    match ioctl::set_control(node, &mut Value { id: id(name), value: number }) {
        Err(Errno::RANGE | Errno::INVAL | Errno::ACCESS | Errno::BUSY) => Err(refused(name, "by the camera")),
        answer => answer.map_err(using),
    }
}

/// The entry of the exposure menu that this camera has for 0 or 1.
fn exposure_mode(node: BorrowedFd<'_>, value: i64) -> Result<Option<i32>, Errno> {
    let mut has = [false; EXPOSURE_MODES as usize];
    for index in 0..EXPOSURE_MODES {
        let mut menu = Menu { id: id(ControlName::ExposureAuto), index, ..Menu::default() };
        has[index as usize] = match ioctl::query_menu(node, &mut menu) {
            Err(Errno::INVAL) => false,
            answer => answer.map(|()| true)?,
        };
    }
    Ok(mode_for(value, has))
}

fn mode_for(value: i64, has: [bool; EXPOSURE_MODES as usize]) -> Option<i32> {
    let wanted = if value == 1 { EXPOSES_ALONE } else { EXPOSED_BY_HAND };
    wanted.into_iter().find(|mode| has[*mode as usize])
}

fn refused(name: ControlName, why: &str) -> DeviceError {
    DeviceError::new(DeviceCondition::Refused, format!("{}: {why}", name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposure_menu_is_a_switch() {
        let query = Query { min: 0, max: 3, step: 1, default: 3, ..Query::default() };
        for (value, wanted) in [(0, 1), (1, 0), (2, 0), (3, 1)] {
            let control = control(ControlName::ExposureAuto, &query, value);
            assert_eq!((control.min, control.max, control.default, control.value), (0, 1, 1, wanted));
        }
        // Most cameras have two of the four.
        assert_eq!(mode_for(1, [false, true, false, true]), Some(3));
        assert_eq!(mode_for(0, [false, true, false, true]), Some(1));
        assert_eq!(mode_for(1, [true, false, true, false]), Some(0));
        assert_eq!(mode_for(0, [true, false, true, false]), Some(2));
        assert_eq!(mode_for(0, [true, false, false, true]), None);
    }

    #[test]
    fn what_the_camera_adjusts_by_itself_is_not_active() {
        let query = Query { min: 0, max: 250, step: 0, flags: INACTIVE, ..Query::default() };
        let control = control(ControlName::Focus, &query, 17);
        assert_eq!((control.active, control.step, control.value), (false, 1, 17));
    }
}
