"""However many visitors send pictures at once, few are decoded at a time."""

import threading
import time

from ddpm_demo.pictures import images
from ddpm_demo.ui.restoration import pictures


def test_few_pictures_are_decoded_at_a_time(monkeypatch):
    lock, seen = threading.Lock(), {"now": 0, "most": 0}

    def decode(path):
        with lock:
            seen["now"] += 1
            seen["most"] = max(seen["most"], seen["now"])
        time.sleep(0.02)
        with lock:
            seen["now"] -= 1
        return path

    monkeypatch.setattr(images, "load_image", decode)
    visitors = [threading.Thread(target=pictures.load_picture, args=("a",)) for _ in range(12)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert seen["most"] == pictures.DECODED_AT_ONCE
