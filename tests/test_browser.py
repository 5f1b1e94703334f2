"""Both reports in a real browser: they open, show everything, and can be used."""

import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="Chromium and its driver are not installed"
)


@pytest.fixture(scope="module")
def results(whole):
    """The folder of a finished study."""
    return whole[1]


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def opened(browser, page, width=1280):
    """Open a page in a window of this width; nothing may go wrong on its console."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    return browser


def wait(browser, condition):
    WebDriverWait(browser, 20).until(condition)


def assert_no_error(browser):
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_shows_everything(results, browser, width):
    opened(browser, results / "report.html", width)
    script = "return [document.documentElement.scrollWidth, window.innerWidth]"
    needed, there = browser.execute_script(script)
    assert there == width and needed <= width
    shown = "return [...document.images].map(i => i.complete && i.naturalWidth > 0)"
    pictures = browser.execute_script(shown)
    assert len(pictures) == 5 + 3 + 2 * 4 + 2 and all(pictures)
    sizes = (
        "return [...document.querySelectorAll('p, td, th, dd')]"
        ".map(element => parseFloat(getComputedStyle(element).fontSize))"
    )
    assert min(browser.execute_script(sizes)) >= 13
    body = browser.find_element(By.TAG_NAME, "body")
    assert "A clock that learns hardly anything." in body.text
    assert "clock.replay.order" not in body.text
    browser.find_element(By.TAG_NAME, "summary").click()
    wait(browser, lambda _: "clock.replay.order" in body.text)
    assert_no_error(browser)


def test_the_page_asks_for_nothing_outside(results, browser):
    opened(browser, results / "report.html")
    names = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    assert all(name.startswith("data:") for name in browser.execute_script(names))


def test_a_chapter_can_be_clicked(results, browser):
    opened(browser, results / "report.html")
    browser.find_element(By.LINK_TEXT, "Read-outs").click()
    wait(browser, lambda driver: driver.execute_script("return window.scrollY") > 500)


def test_the_song_can_be_played(results, browser):
    opened(browser, results / "report.html")
    lengths = "return [...document.querySelectorAll('audio')].map(a => a.duration)"
    wait(browser, lambda driver: all(driver.execute_script(lengths)))
    assert browser.execute_script(lengths) == pytest.approx([1, 1], abs=0.005)


def test_snakemakes_report_shows_a_figure_of_a_category(results, browser):
    opened(browser, results / "workflow.html")
    wait(browser, lambda driver: "Read-outs" in driver.find_element(By.TAG_NAME, "body").text)
    for category, figure in (("Clock", "replay raster"), ("Read-outs", "target and replay")):
        link = f"//*[normalize-space(text())='{category}']"
        browser.find_element(By.XPATH, link).click()
        rows = f"//tr[contains(., '{figure}')]"
        wait(browser, lambda driver, rows=rows: driver.find_elements(By.XPATH, rows))
        buttons = browser.find_elements(By.XPATH, f"({rows})[1]//button | ({rows})[1]//a")
        buttons[0].click()
        shown = "return [...document.images].some(i => i.naturalWidth > 500 && i.offsetWidth > 200)"
        wait(browser, lambda driver, shown=shown: driver.execute_script(shown))
        assert "System Messages" not in browser.find_element(By.TAG_NAME, "body").text
        browser.get((results / "workflow.html").as_uri())
        wait(browser, lambda driver: "Read-outs" in driver.find_element(By.TAG_NAME, "body").text)
    assert_no_error(browser)
