"""How I²C chips behave, in a few classes: with commands, with registers, with nothing but a read.

Each is a `ChipModel`: `write(data)` and `read(count)`, and OSError for a missing acknowledgement.
What they measure can be changed at any time; `writes` remembers what was done to them. The chips
themselves are in `gatewayd.testing.i2c_chips`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from gatewayd.testing.i2c import ChipModel


def not_acknowledged() -> OSError:
    """Return what a missing acknowledgement is on a Raspberry Pi."""
    return OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))


class CommandChip:
    """Sensirion's way: a command, a wait, an answer that is read once. Knows nothing else.

    Attributes:
        answers: what each command makes ready to be read.
        accepts: beginnings of commands that have no answer.
        late: so many reads are not acknowledged before the next answer: the chip still converts.
        writes: everything that was acknowledged.
    """

    def __init__(self, answers: Mapping[bytes, bytes], accepts: tuple[bytes, ...] = ()) -> None:
        self.answers = dict(answers)
        self.accepts = accepts
        self.late = 0
        self.writes: list[bytes] = []
        self._waiting = b""

    def write(self, data: bytes) -> None:
        if data not in self.answers and not data.startswith(self.accepts or (b"\x00never",)):
            raise not_acknowledged()
        self.writes.append(data)
        self._waiting = self.answers.get(data, b"")

    def read(self, count: int) -> bytes:
        if self.late:
            self.late -= 1
            raise not_acknowledged()
        if not self._waiting:
            raise not_acknowledged()
        data, self._waiting = self._waiting, b""
        return data[:count].ljust(count, b"\xff")


class NotReadyChip(CommandChip):
    """A command chip that is asked whether it has a value.

    Attributes:
        ready, not_ready: the two answers to `question`.
        busy: so many questions are answered with `not_ready`.
    """

    def __init__(
        self,
        answers: Mapping[bytes, bytes],
        accepts: tuple[bytes, ...],
        *,
        question: bytes,
        ready: bytes,
        not_ready: bytes,
    ) -> None:
        super().__init__({**answers, question: ready}, accepts)
        self.busy = 0
        self._question, self._ready, self._not_ready = question, ready, not_ready

    def write(self, data: bytes) -> None:
        if data == self._question:
            self.answers[data] = self._not_ready if self.busy else self._ready
            self.busy = max(0, self.busy - 1)
        super().write(data)


class WordChip:
    """Registers of 16 bits behind a pointer; a read goes on and on over the same one.

    Attributes:
        registers: by number; one that is not there reads as `absent`.
        writes: (register, data) of each write that carried more than the pointer.
    """

    def __init__(
        self, registers: Mapping[int, int], *, order: str = "big", absent: int = 0x0000
    ) -> None:
        self.registers = dict(registers)
        self.writes: list[tuple[int, bytes]] = []
        self.pointer = 0
        self._is_big = order == "big"
        self._absent = absent

    def write(self, data: bytes) -> None:
        self.pointer = data[0]
        if len(data) == 3:
            self.writes.append((data[0], data[1:]))
            self.store(data[0], int.from_bytes(data[1:], "big" if self._is_big else "little"))

    def read(self, count: int) -> bytes:
        word = self.registers.get(self.pointer, self._absent)
        data = word.to_bytes(2, "big" if self._is_big else "little")
        return (data * (count // 2 + 1))[:count]

    def store(self, register: int, word: int) -> None:
        """Take what was written into a register."""
        if register in self.registers:
            self.registers[register] = word


class Lm75Chip(WordChip):
    """Registers of 16 bits but for the configuration, which has one byte; two bits of pointer."""

    def write(self, data: bytes) -> None:
        super().write(bytes([data[0] & 0x03]) + data[1:])
        if len(data) == 2:
            self.writes.append((data[0], data[1:]))
            self.registers[1] = data[1] << 8 | data[1]


class Ads1115Chip(WordChip):
    """A converter that is told what to convert, and says when it has.

    Attributes:
        inputs: what each conversion finds, by the four bits 15:12 without the first; else 0.
        busy: so many looks at the configuration find the conversion not done.
    """

    def __init__(self, inputs: Mapping[int, int]) -> None:
        super().__init__({0: 0x0000, 1: 0x8583, 2: 0x8000, 3: 0x7FFF})
        self.inputs = dict(inputs)
        self.busy = 0

    def store(self, register: int, word: int) -> None:
        super().store(register, word)
        if register == 1 and word & 0x8000:
            self.registers[0] = self.inputs.get(word >> 12 & 0x7, 0)

    def read(self, count: int) -> bytes:
        data = super().read(count)
        if self.pointer == 1 and self.busy:
            self.busy -= 1
            return bytes([data[0] & 0x7F, data[1]])
        return data


class Ina219Chip(WordChip):
    """An INA219, which the highest bit of its configuration resets."""

    AFTER_RESET = 0x399F

    def __init__(self, registers: Mapping[int, int]) -> None:
        super().__init__({0: self.AFTER_RESET, 5: 0x0000, **registers})

    def store(self, register: int, word: int) -> None:
        super().store(register, word & ~1 if register == 5 else word)
        if register == 0 and word & 0x8000:
            self.registers[0], self.registers[5] = self.AFTER_RESET, 0x0000


class Veml7700Chip(WordChip):
    """Little-endian registers, and a light that is counted by gain and time.

    Attributes:
        light: counts with gain 2 and 800 ms.
    """

    GAINS = (1.0, 2.0, 1 / 8, 1 / 4)
    TIMES_MS: Mapping[int, int] = {0: 100, 1: 200, 2: 400, 3: 800, 8: 50, 12: 25}

    def __init__(self, light: float, id: int = 0xC481) -> None:
        super().__init__({0: 0x0001, 4: 0x0000, 7: id}, order="little")
        self.light = light

    def store(self, register: int, word: int) -> None:
        super().store(register, word)
        if register == 0 and not word & 1:
            part = self.GAINS[word >> 11 & 3] / 2 * self.TIMES_MS[word >> 6 & 0xF] / 800
            self.registers[4] = min(0xFFFF, round(self.light * part))


class Mlx90614Chip:
    """Words behind a command, low byte first, with a packet error code behind."""

    def __init__(self, words: Mapping[int, int], address: int = 0x5A) -> None:
        self.words = dict(words)
        self._address = address
        self._command = 0

    def write(self, data: bytes) -> None:
        self._command = data[0]

    def read(self, count: int) -> bytes:
        word = self.words.get(self._command, 0).to_bytes(2, "little")
        packet = bytes([self._address << 1, self._command, self._address << 1 | 1]) + word
        return (word + bytes([crc8(packet, 0x07)])).ljust(count, b"\xff")[:count]


class BareChip:
    """Answers a bare read, whatever was written: BH1750, AHT20 and, kept elsewhere, ports.

    Attributes:
        answer: what a read returns.
        busy: so many reads of one byte return `while_busy` instead.
        writes: everything that was written.
    """

    def __init__(self, answer: bytes, while_busy: bytes = b"\x98") -> None:
        self.answer = answer
        self.busy = 0
        self.writes: list[bytes] = []
        self._while_busy = while_busy

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def read(self, count: int) -> bytes:
        if count == 1 and self.busy:
            self.busy -= 1
            return self._while_busy
        return self.answer[:count].ljust(count, b"\xff")


class StuckChip:
    """A line held at one level: whoever is asked seems to say the same byte."""

    def __init__(self, fill: int) -> None:
        self._fill = fill

    def write(self, data: bytes) -> None:
        """Take anything; a data line held low acknowledges everything."""

    def read(self, count: int) -> bytes:
        return bytes([self._fill]) * count


class Spoiled:
    """A chip behind a bad cable: from one message on not acknowledged, or with one bit wrong.

    Attributes:
        messages: how many messages came through so far.
        reads: how many of them were reads.
        silent_from: the message, counted from 0, from which on nothing is acknowledged.
        flip: (read, bit): the read, counted from 0, in whose answer this bit is wrong.
    """

    def __init__(self, chip: ChipModel) -> None:
        self.chip = chip
        self.messages = self.reads = 0
        self.silent_from: int | None = None
        self.flip: tuple[int, int] | None = None
        self.lengths: list[int] = []

    def restart(self) -> None:
        """Count from here, and forget what was spoiled."""
        self.messages = self.reads = 0
        self.silent_from = self.flip = None
        self.lengths = []

    def write(self, data: bytes) -> None:
        self._pass()
        self.chip.write(data)

    def read(self, count: int) -> bytes:
        self._pass()
        data = bytearray(self.chip.read(count))
        if self.flip is not None and self.flip[0] == self.reads:
            data[self.flip[1] // 8] ^= 0x80 >> self.flip[1] % 8
        self.reads += 1
        self.lengths.append(count)
        return bytes(data)

    def _pass(self) -> None:
        if self.silent_from is not None and self.messages >= self.silent_from:
            raise not_acknowledged()
        self.messages += 1


def crc8(data: bytes, polynomial: int, start: int = 0x00) -> int:
    """Return a CRC-8 by long division, another way than the drivers do it."""
    bits = "".join(f"{byte:08b}" for byte in bytes([data[0] ^ start]) + data[1:])
    rest = int(bits + "0" * 8, 2)
    for place in range(len(bits) + 7, 7, -1):
        if rest >> place & 1:
            rest ^= (0x100 | polynomial) << place - 8
    return rest
