"""One run at an open camera: its pictures are judged and kept, and what is asked is done."""

from __future__ import annotations

from drivers.camera.keeping import Keeping
from drivers.camera.mask import Masks, parse
from drivers.camera.options import Options
from drivers.camera.stream import Stream
from drivers.camera.watch import Watch
from drivers.contract import Action, Link, Outcome


class Looking:
    """Everything that is done with a camera's pictures.

    Args:
        device: its id.
        options: of the camera.
        link: to the daemon.
    """

    def __init__(self, device: str, options: Options, link: Link) -> None:
        self._device = device
        self._options = options
        self._link = link
        self._masks: Masks = ()
        self._watch = Watch(options)
        self._keeping = Keeping(link)

    def __enter__(self) -> Looking:
        return self

    def __exit__(self, *_: object) -> None:
        self._keeping.end()

    def look(self, stream: Stream, at_us: int) -> None:
        """Take the stream's present picture."""
        picture = stream.picture(self._masks)
        for reading in self._watch.see(stream.grey(picture), at_us):
            self._link.report(reading)
        self._keeping.see(picture, at_us)

    def asked(self, action: Action) -> None:
        """Do what the daemon asks."""
        match action.verb:
            case "snapshot" | "keep":
                self._keeping.asked(action)
            case "mask":
                self._mask(action)
            case _:
                refused = f"{self._device} is a camera: it only looks, and keeps what it saw"
                self._link.answer(action, Outcome.REFUSED, refused)

    def _mask(self, action: Action) -> None:
        """Look past what is masked, from now on; what was seen before is forgotten."""
        try:
            masks = parse(action.args.get("masks"))
        except ValueError as error:
            self._link.answer(action, Outcome.REFUSED, str(error))
            return
        self._masks = masks
        self._watch = Watch(self._options, masks)
        self._keeping.forget()
        self._link.answer(action, Outcome.DONE)
