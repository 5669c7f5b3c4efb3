"""The one step of the build that ``setup.cfg`` cannot say: catalogues are compiled for the wheel."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithCatalogues(build_py):
    """Put ``.mo`` files in place of the ``.po`` files; an editable install reads the latter."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        from polib import pofile

        for source in (Path(self.build_lib) / "matrix_threepid" / "texts" / "locale").glob("*.po"):
            pofile(str(source)).save_as_mofile(str(source.with_suffix(".mo")))
            source.unlink()


setup(cmdclass={"build_py": BuildWithCatalogues})
