"""dayfly: a clean VM for one job, gone when the job is done."""

__version__ = "0.1.0"
