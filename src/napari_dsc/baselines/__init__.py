"""The methods that DSC is compared with, written from their papers."""
