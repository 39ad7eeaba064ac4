"""Whole sites under arbitrary input."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.site.busy_site import BusySite
from tests.site.changing_site import ChangingSite
from tests.site.twin_site import TwinSite
from tests.site.whole_site import WholeSite

# Hypothesis takes up to 300 s to find the shortest way to a failure; it must end to tell of it.
told = pytest.mark.timeout(600)


@told
class TestBusySite(BusySite.TestCase):
    settings = settings(max_examples=10, stateful_step_count=30, deadline=None)


@told
class TestChangingSite(ChangingSite.TestCase):
    settings = settings(max_examples=6, stateful_step_count=30, deadline=None)


@told
class TestTwinSite(TwinSite.TestCase):
    settings = settings(max_examples=10, stateful_step_count=30, deadline=None)


@told
class TestWholeSite(WholeSite.TestCase):
    settings = settings(max_examples=10, stateful_step_count=30, deadline=None)


@pytest.mark.soak
class TestBusySiteAtLength(BusySite.TestCase):
    settings = settings(max_examples=250, stateful_step_count=30, deadline=None)


@pytest.mark.soak
class TestChangingSiteAtLength(ChangingSite.TestCase):
    settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


@pytest.mark.soak
class TestTwinSiteAtLength(TwinSite.TestCase):
    settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


@pytest.mark.soak
class TestWholeSiteAtLength(WholeSite.TestCase):
    settings = settings(max_examples=600, stateful_step_count=30, deadline=None)
